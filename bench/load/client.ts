import type { Socket } from 'node:net'
import { answer } from '../answer.ts'
import { get, onAnswer, open } from './connection.ts'

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
      return get(port, path)
    }
    const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
    await Promise.all(sockets.map((socket) => drive(socket, take)))
    for (const socket of sockets) socket.destroy()
  },
})

/** Sends one request after another while there is one to take. Any answer but a 200 is an error. */
function drive(socket: Socket, take: () => string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const request = take()
      if (request === undefined) resolve()
      else socket.write(request)
    }
    onAnswer(socket, (text) => {
      if (text.startsWith('HTTP/1.1 200')) next()
      else reject(new Error(`the service answered ${text.slice(0, 200)}`))
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the service closed the connection')))
    next()
  })
}
