import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ZipkinSpan } from 'tdist'
import { decodeSpans } from '#src/codec/decode.js'

/** A collector that a traced child process posts its spans to, on loopback. */
export interface SpanSink {
  /** For `TDIST_ZIPKIN_URL`. */
  readonly url: string
  readonly spans: ZipkinSpan[]
  /** Waits until so many spans are there. Rejects after ten seconds with the names of those that are. */
  arrival(count: number): Promise<void>
  close(): Promise<void>
}

export async function startSpanSink(): Promise<SpanSink> {
  const spans: ZipkinSpan[] = []
  let arrived = (): void => {}
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      spans.push(...decodeSpans(Buffer.concat(chunks)))
      res.writeHead(202).end()
      arrived()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/api/v2/spans`,
    spans,
    arrival: (count) =>
      new Promise((resolve, reject) => {
        const names = () => spans.map((span) => span.name).join(', ')
        const timer = setTimeout(() => reject(new Error(`${count} spans expected, came: ${names()}`)), 10_000)
        arrived = () => {
          if (spans.length < count) return
          clearTimeout(timer)
          resolve()
        }
        arrived()
      }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
