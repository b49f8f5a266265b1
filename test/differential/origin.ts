import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ZipkinSpan } from 'tdist'
import { decodeSpans } from '#src/codec/decode.js'
import { answerAsAws, isToAws } from './aws-service.ts'

/** What tdist writes on a call. */
const OURS = /^(b3|x-b3-.*|traceparent|tracestate)$/i

/** A span that a case left behind, or a request of its that reached the origin with a trace on it. */
export type SeenSpan = Omit<ZipkinSpan, 'kind'> & { kind?: ZipkinSpan['kind'] | 'ORIGIN' }

/** The world outside a case: a collector that takes its spans, and a server that its clients call. Untraced. */
export interface Origin {
  readonly url: string
  readonly spans: SeenSpan[]
  close(): Promise<void>
}

/** What the origin answers, by path. The rest is an echo of the request without our headers. */
const ANSWERS: Record<string, (url: URL, res: ServerResponse) => void> = {
  '/status': (url, res) => void res.writeHead(Number(url.searchParams.get('code'))).end('as you wish'),
  '/redirect': (_url, res) => void res.writeHead(302, { location: '/echo' }).end(),
  // Headers and the first part only: what follows never comes.
  '/stall': (_url, res) => void res.writeHead(200, { 'content-type': 'text/plain' }).write('first'),
  '/silent': () => {},
  '/cut': (_url, res) => void res.socket!.destroy(),
}

/** Which paths were asked for, for whoever waits for that. */
class Arrivals {
  readonly #seen = new Set<string>()
  readonly #waiting = new Map<string, () => void>()

  tell(path: string, then: () => void): void {
    if (this.#seen.has(path)) then()
    else this.#waiting.set(path, then)
  }

  happened(path: string): void {
    this.#seen.add(path)
    this.#waiting.get(path)?.()
  }
}

export async function startOrigin(): Promise<Origin> {
  const spans: SeenSpan[] = []
  const arrivals = new Arrivals()
  const server = createServer((req, res) => void answer(req, res, spans, arrivals))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  spans: SeenSpan[],
  arrivals: Arrivals,
): Promise<void> {
  const url = new URL(req.url!, 'http://origin')
  const traceId = req.headers['x-b3-traceid'] as string | undefined
  if (traceId) {
    const id = req.headers['x-b3-spanid'] as string
    spans.push({ traceId, id, kind: 'ORIGIN', name: `${req.method} ${url.pathname}`, shared: true })
  }
  const body = Buffer.concat(await req.toArray().catch(() => []))
  if (url.pathname === '/api/v2/spans') {
    spans.push(...decodeSpans(body))
    res.writeHead(202).end()
    return
  }
  if (isToAws(req)) return answerAsAws(req, body, res)
  if (url.pathname === '/arrival') return arrivals.tell(url.searchParams.get('of')!, () => res.end('here'))
  arrivals.happened(url.pathname)
  const special = ANSWERS[url.pathname]
  if (special) return special(url, res)
  const { rawHeaders } = req
  const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1]!]] : []))
  // Its own port is another in each run, and an answer's ETag would be too.
  const headers = pairs
    .filter(([name]) => !OURS.test(name!))
    .filter(([name]) => name!.toLowerCase() !== 'host')
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify({ method: req.method, url: req.url, headers, body: body.toString('latin1') }))
}
