import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Opens a connection that is kept alive. */
export async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket.setEncoding('latin1')
}

/** The text of a GET. */
export function get(port: number, path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: application/json\r\n\r\n`
}

/** Calls `answered` with each answer, head and body, once all of it is there. One is asked for at a time. */
export function onAnswer(socket: Socket, answered: (text: string) => void): void {
  let received = ''
  socket.on('data', (chunk: string) => {
    received += chunk
    const head = received.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/content-length: (\d+)/i.exec(received)?.[1])
    if (received.length < head + 4 + length) return
    const text = received
    received = ''
    answered(text)
  })
}
