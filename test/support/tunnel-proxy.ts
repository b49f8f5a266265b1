import http, { type IncomingHttpHeaders } from 'node:http'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A proxy on loopback, and what it was asked. */
export interface TunnelProxy {
  readonly port: number
  /** For each request to the proxy itself: its method and headers. */
  readonly asked: { readonly method: string; readonly headers: IncomingHttpHeaders }[]
  close(): void
}

/** An HTTP proxy: opens tunnels, and passes plain requests on. */
export async function startHttpProxy(): Promise<TunnelProxy> {
  const asked: TunnelProxy['asked'] = []
  const server = http.createServer((req, res) => {
    asked.push({ method: req.method!, headers: req.headers })
    const passed = http.request(req.url!, { method: req.method!, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(res)
    })
    req.pipe(passed)
  })
  server.on('connect', (req, near: Socket, head: Buffer) => {
    asked.push({ method: 'CONNECT', headers: req.headers })
    const [host, port] = req.url!.split(':')
    near.write('HTTP/1.1 200 OK\r\n\r\n')
    join(near, connect(Number(port), host), head)
  })
  return listening(server, asked)
}

/** A proxy that speaks SOCKS 5, for IPv4 addresses and names, without authentication. */
export function startSocksProxy(): Promise<TunnelProxy> {
  const asked: TunnelProxy['asked'] = []
  const server = createServer((near) => {
    near.on('error', () => {})
    near.once('data', () => {
      near.write(Buffer.of(5, 0))
      near.once('data', (ask: Buffer) => {
        asked.push({ method: 'SOCKS', headers: {} })
        const isName = ask[3] === 3
        const end = isName ? 5 + ask[4]! : 8
        const host = isName ? ask.toString('latin1', 5, end) : ask.subarray(4, 8).join('.')
        near.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        join(near, connect(ask.readUInt16BE(end), host))
      })
    })
  })
  return listening(server, asked)
}

function join(near: Socket, far: Socket, head?: Buffer): void {
  if (head?.length) far.write(head)
  near.pipe(far).pipe(near)
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    socket.on('error', () => {})
    socket.on('close', () => other.destroy())
  }
}

async function listening(server: Server, asked: TunnelProxy['asked']): Promise<TunnelProxy> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
