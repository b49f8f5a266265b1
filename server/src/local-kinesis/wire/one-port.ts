import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'

/** A request of either protocol. */
export type Request = http.IncomingMessage | http2.Http2ServerRequest
/** A response of either protocol. */
export type Response = http.ServerResponse | http2.Http2ServerResponse

/** A port that is listened on. */
export interface OnePort {
  readonly port: number
  /** Connections taken so far, by protocol. */
  readonly connections: Readonly<Record<'http1' | 'http2', number>>
  /** Stops listening and breaks every connection. */
  close(): Promise<void>
}

/**
 * Listens for HTTP/1.1 and for HTTP/2 without TLS on one port, and tells them apart by how a connection begins:
 * the AWS SDK speaks HTTP/2 to Kinesis unless told otherwise, other clients HTTP/1.1.
 */
export async function listenOnOnePort(
  port: number,
  host: string,
  handle: (request: Request, response: Response) => void,
): Promise<OnePort> {
  // A client may keep a connection for as long as it likes: closing an idle one races with its next request.
  const http1 = http.createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, handle)
  const http2Server = http2.createServer(handle)
  http2Server.on('sessionError', () => {})
  const sockets = new Set<net.Socket>()
  const connections = { http1: 0, http2: 0 }

  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.once('readable', () => {
      const first: Buffer | null = socket.read()
      if (!first) return
      socket.unshift(first)
      // HTTP/2 begins with 'PRI', as no HTTP/1.1 method does. No real client's first packet is shorter.
      const protocol = first.subarray(0, 3).toString('latin1') === 'PRI' ? 'http2' : 'http1'
      connections[protocol]++
      if (protocol === 'http2') http2Server.emit('connection', socket)
      else http1.emit('connection', socket)
    })
  })

  server.listen(port, host)
  await once(server, 'listening')

  return {
    port: (server.address() as net.AddressInfo).port,
    connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
        http1.close()
        http2Server.close()
      }),
  }
}
