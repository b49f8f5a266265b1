import type { Socket } from 'node:net'
import { answer } from '../answer.ts'
import { get, onAnswer, open } from './connection.ts'

/**
 * GETs of two services that must answer alike, at a given rate or, where they are slower, as many as they answer.
 * Ends with a whole turn of the paths.
 */
export interface TwinLoad {
  readonly ports: readonly [number, number]
  /** Asked for in turn; `:n` in one becomes the number of the request. */
  readonly paths: readonly string[]
  readonly perSecond: number
  readonly seconds: number
  readonly connections: number
}

/** What came of it. */
export interface TwinAnswers {
  readonly requests: number
  /** Requests that the two did not answer alike, to the byte but for the date. */
  readonly different: number
  /** One such pair. */
  readonly example?: string
  /** Until the last was answered. */
  readonly seconds: number
}

const TICK_MS = 10
/** So many requests a connection may wait for an answer. */
const MOST_WAITING = 4
const BROKEN = 'the connection broke'

answer({
  async drive({ ports, paths, perSecond, seconds, connections }: TwinLoad): Promise<TwinAnswers> {
    const services = await Promise.all(ports.map((port) => connect(port, connections)))
    let unanswered = 0
    let different = 0
    let example: string | undefined
    const askBoth = async (n: number): Promise<void> => {
      const path = paths[n % paths.length]!.replaceAll(':n', String(n))
      unanswered++
      const [one, other] = await Promise.all(services.map((service) => service.ask(path)))
      unanswered--
      if (one === other) return
      different++
      example ??= `${path}: ${one} / ${other}`
    }

    const start = performance.now()
    const asked: Promise<void>[] = []
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const passed = (performance.now() - start) / 1000
        const due = Math.min(passed, seconds) * perSecond
        while (asked.length < due && unanswered < connections * MOST_WAITING)
          asked.push(askBoth(asked.length))
        if (passed < seconds) return
        while (asked.length % paths.length > 0) asked.push(askBoth(asked.length))
        clearInterval(timer)
        resolve()
      }, TICK_MS)
    })
    await Promise.all(asked)
    const took = (performance.now() - start) / 1000
    for (const service of services) service.close()
    return { requests: asked.length, different, seconds: took, ...(example === undefined ? {} : { example }) }
  },
})

interface Service {
  /** What is answered, without the date; of a broken connection, that it broke. */
  ask(path: string): Promise<string>
  close(): void
}

/** Connections to a service; what finds none free waits for one. */
async function connect(port: number, count: number): Promise<Service> {
  const free: Socket[] = []
  /** Each returns whether it has taken the connection. */
  const waiting: ((socket: Socket) => boolean)[] = []
  const answered = new Map<Socket, (text: string) => void>()
  const sockets = await Promise.all(Array.from({ length: count }, () => open(port)))
  for (const socket of sockets) {
    free.push(socket)
    const settle = (text: string): void => {
      answered.get(socket)?.(text)
      answered.delete(socket)
      for (let next = waiting.shift(); next; next = waiting.shift()) if (next(socket)) return
      free.push(socket)
    }
    onAnswer(socket, (text) => settle(text.replace(/^date: .*\r\n/im, '')))
    socket.on('error', () => {})
    socket.on('close', () => settle(BROKEN))
  }
  return {
    ask: (path) =>
      new Promise((resolve) => {
        const send = (socket: Socket): boolean => {
          if (socket.destroyed) {
            resolve(BROKEN)
            return false
          }
          answered.set(socket, resolve)
          socket.write(get(port, path))
          return true
        }
        const socket = free.pop()
        if (!socket) waiting.push(send)
        else if (!send(socket)) free.push(socket)
      }),
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
