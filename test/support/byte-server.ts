import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A server that keeps every byte of the one request that each connection brings, and answers it with nothing. */
export interface ByteServer {
  readonly port: number
  readonly origin: string
  /** What came since the last time, a request each. */
  take(): string[]
  close(): Promise<void>
}

export async function byteServer(): Promise<ByteServer> {
  let came: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    let bytes = ''
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1')
      if (!isWhole(bytes)) return
      came.push(bytes)
      bytes = ''
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    take() {
      const taken = came
      came = []
      return taken
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      return closed
    },
  }
}

function isWhole(bytes: string): boolean {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return false
  const head = bytes.slice(0, end)
  if (/^transfer-encoding: *chunked/im.test(head)) return bytes.endsWith('0\r\n\r\n')
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  return bytes.length - end - 4 >= length
}

/** A request without what carries a trace. */
export function untraced(request: string): string {
  return request.replace(/^(?:b3|x-b3-[a-z]+|traceparent|tracestate|baggage): .*\r\n/gim, '')
}
