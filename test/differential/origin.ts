import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeSpans } from '#src/codec/decode.js'
import { Arrivals, type SeenSpan } from './arrivals.ts'
import { answerAsAws, isToAws } from './aws-service.ts'

/** What tdist writes on a call. */
const OURS = /^(b3|x-b3-.*|traceparent|tracestate)$/i

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

export async function startOrigin(): Promise<Origin> {
  const arrivals = new Arrivals()
  const server = createServer((req, res) => void answer(req, res, arrivals))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: arrivals.spans,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(req: IncomingMessage, res: ServerResponse, arrivals: Arrivals): Promise<void> {
  const url = new URL(req.url!, 'http://origin')
  const { pathname, searchParams } = url
  // As soon as it is here: who gives up would not be seen after its body.
  if (pathname !== '/arrival') arrivals.add(pathname, traceOn(req, pathname))
  const body = Buffer.concat(await req.toArray().catch(() => []))
  if (pathname === '/api/v2/spans') {
    arrivals.add(pathname, decodeSpans(body))
    return void res.writeHead(202).end()
  }
  if (pathname === '/arrival') {
    const then = (): void => void res.end('here')
    const path = searchParams.get('of')
    return path
      ? arrivals.whenAsked(path, then)
      : arrivals.whenReported(Number(searchParams.get('spans')), then)
  }
  if (isToAws(req)) return answerAsAws(req, body, res)
  const special = ANSWERS[pathname]
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

function traceOn({ method, headers }: IncomingMessage, path: string): SeenSpan[] {
  const traceId = headers['x-b3-traceid'] as string | undefined
  if (!traceId) return []
  return [
    {
      traceId,
      id: headers['x-b3-spanid'] as string,
      kind: 'ORIGIN',
      name: `${method} ${path}`,
      shared: true,
    },
  ]
}
