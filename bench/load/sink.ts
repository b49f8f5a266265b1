import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { answer } from '../answer.ts'

/** How spans are taken. `hanging`: they are read, thrown away and never answered. */
export type Mode = 'up' | 'refused' | 'hanging'

/*
 * A process that stands for everything around the measured service: the Zipkin server that its spans go to, which
 * counts them, and the service that it calls.
 */

let spans = 0
let port = 0
let mode: Mode = 'up'
const ITEM = JSON.stringify({ id: 42, stock: 7 })

const server = createServer((req, res) => {
  if (req.method === 'POST') {
    void receive(req).then(
      () => res.writeHead(202).end(),
      () => res.writeHead(400).end(),
    )
  } else {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': ITEM.length }).end(ITEM)
  }
})
server.keepAliveTimeout = 60_000

async function receive(req: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  if (mode === 'hanging') return new Promise(() => {})
  const body = Buffer.concat(chunks)
  const proto = req.headers['content-type']?.includes('protobuf')
  spans += proto ? countProto3(body) : (JSON.parse(body.toString()) as unknown[]).length
}

/** How many spans a `ListOfSpans` holds: each is field 1, a length and so many bytes. */
function countProto3(body: Buffer): number {
  let count = 0
  for (let at = 0; at < body.length; count++) {
    if (body[at++] !== 0x0a) throw new TypeError('not a ListOfSpans')
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = body[at++]!
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    at += length
  }
  return count
}

answer({
  async port() {
    if (port === 0) await once(server.listen(0, '127.0.0.1'), 'listening')
    port ||= (server.address() as AddressInfo).port
    return port
  },
  async mode({ to }: { to: Mode }) {
    if (to === 'refused') {
      server.close()
      server.closeAllConnections()
    } else if (mode === 'refused') await once(server.listen(port, '127.0.0.1'), 'listening')
    mode = to
  },
  /** The spans that arrived since the last question of this kind that said `reset`. */
  spans({ reset }: { reset: boolean }) {
    const count = spans
    if (reset) spans = 0
    return count
  },
})
