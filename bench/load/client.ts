import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { answer } from '../answer.ts'

/** So many GETs over so many connections that are kept alive; each waits for its answer. */
export interface Load {
  readonly port: number
  /** Asked for in turn; `:n` in one becomes the number of the request. */
  readonly paths: readonly string[]
  readonly requests: number
  readonly connections: number
}

answer({
  async drive({ port, paths, requests, connections }: Load) {
    let taken = 0
    const take = (): string | undefined => {
      if (taken === requests) return undefined
      const path = paths[taken % paths.length]!.replaceAll(':n', String(taken++))
      return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: application/json\r\n\r\n`
    }
    const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
    await Promise.all(sockets.map((socket) => drive(socket, take)))
    for (const socket of sockets) socket.destroy()
  },
})

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket.setEncoding('latin1')
}

/** Sends one request after another while there is one to take. Any answer but a 200 is an error. */
function drive(socket: Socket, take: () => string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = ''
    const next = (): void => {
      received = ''
      const request = take()
      if (request === undefined) resolve()
      else socket.write(request)
    }
    socket.on('data', (chunk: string) => {
      received += chunk
      const head = received.indexOf('\r\n\r\n')
      if (head < 0) return
      if (!received.startsWith('HTTP/1.1 200')) {
        return reject(new Error(`the service answered ${received.slice(0, 200)}`))
      }
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1])
      if (received.length >= head + 4 + length) next()
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the service closed the connection')))
    next()
  })
}
