import { readFileSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { traceContext, type TraceContext } from '#src/span/trace-context.js'

const pem = readFileSync(new URL('../../../test/support/localhost.pem', import.meta.url))

/** What the server is to do with one request. */
export interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Closes the connection with no answer. */
  readonly disconnect?: boolean
  /** Waits before answering. */
  readonly after?: Promise<unknown>
  /** Answers by itself instead. */
  readonly by?: (req: IncomingMessage, res: ServerResponse) => void
}

export interface Recorded {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string | string[] | undefined>
  readonly rawHeaders: string[]
  readonly body: string
  /** The B3 context that came with it. */
  readonly context: TraceContext
}

/**
 * A server that answers as it was told, one answer a request, and `200` when it was told nothing. It never answers
 * `/silent`: a request that gives up may do so before it comes, and would leave an answer to the next one.
 */
export interface AnsweringServer {
  readonly origin: string
  readonly port: number
  readonly requests: Recorded[]
  enqueue(answer: Answer): void
  close(): Promise<void>
}

export async function answeringServer(
  options: { tls?: boolean; path?: string; host?: string } = {},
): Promise<AnsweringServer> {
  const answers: Answer[] = []
  const requests: Recorded[] = []
  const sockets = new Set<Socket>()
  const handle = (req: IncomingMessage, res: ServerResponse) => void answer(req, res)
  const server = options.tls ? https.createServer({ key: pem, cert: pem }, handle) : http.createServer(handle)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve) => {
    if (options.path) server.listen(options.path, resolve)
    else server.listen(0, host, resolve)
  })
  const port = options.path ? 0 : (server.address() as AddressInfo).port
  const name = host.includes(':') ? `[${host}]` : host

  return {
    origin: `${options.tls ? 'https' : 'http'}://${name}:${port}`,
    port,
    requests,
    enqueue: (next) => void answers.push(next),
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      return closed
    },
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.url === '/silent') return
    const next = answers.shift() ?? {}
    if (next.disconnect) return void req.socket.destroy()
    if (next.by) return next.by(req, res)
    const chunks: Buffer[] = []
    try {
      for await (const chunk of req) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    requests.push({
      method: req.method!,
      path: req.url!,
      headers: req.headers,
      rawHeaders: req.rawHeaders,
      body: Buffer.concat(chunks).toString(),
      context: contextOf(req),
    })
    await next.after
    res.writeHead(next.status ?? 200, next.headers)
    res.end(next.body)
  }
}

/** The B3 context of a request, read independently of what is tested. */
function contextOf({ headers }: IncomingMessage): TraceContext {
  const read = (name: string) => headers[name] as string | undefined
  const sampled = read('x-b3-sampled')
  return traceContext(
    read('x-b3-traceid') ?? 'none',
    read('x-b3-spanid') ?? 'none',
    read('x-b3-parentspanid'),
    sampled === undefined ? undefined : sampled === '1',
    read('x-b3-flags') === '1',
  )
}
