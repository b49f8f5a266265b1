import type { EventEmitter } from 'node:events'
import type * as Http from 'node:http'
import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { NetConnectOpts, Socket } from 'node:net'
import { startTimer, stopTimer } from '../../host/timers.ts'
import { connectSocket, pastInterceptors } from './own-sockets.ts'
import { SendError } from './sender.ts'

/** A request: where and what to ask, in the terms of `http.request`. */
export interface HttpRequest {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | undefined
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

type Opening = Agent & { createConnection: (options: NetConnectOpts) => Socket }

/** Opened as they are needed: what bounds calls is the publisher's concurrency. */
const MAX_SOCKETS = 8
/** Kinesis says 100 bytes of each of 500 records, Zipkin nothing. */
const MAX_ANSWER_BYTES = 1 << 20

/**
 * Keep-alive connections of HTTP/1.1 that do not keep the process alive, with timeouts that end a request. A
 * connection that went silent costs one timeout: the idle ones, which may be as dead, are closed with it.
 */
export class HttpPool {
  readonly #connectMs: number
  readonly #requestMs: number
  readonly #agents = new Map<string, Agent>()
  /** Taken when this is made, before a test puts its own in its place. */
  readonly #ask: typeof Http.request = process.getBuiltinModule('node:http').request

  /** `connectMs` limits the time to a connection, `requestMs` that to the end of the answer. */
  constructor(connectMs: number, requestMs: number) {
    this.#connectMs = connectMs
    this.#requestMs = requestMs
  }

  /**
   * Rejects with a SendError: `failed` when no connection was made, `in doubt` when it broke or the answer did not
   * come in time.
   */
  async request(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    const { protocol, hostname, port, path, method, headers, body } = request
    const tls = protocol === 'https:'
    let agent = this.#agents.get(protocol)
    if (agent === undefined) this.#agents.set(protocol, (agent = newAgent(tls)))
    const { freeSockets } = agent
    return new Promise((resolve, reject) => {
      // Node's https differs by its agent alone.
      const req = this.#ask({ agent, protocol, hostname, port, path, method, headers })
      let connected = false

      const giveUp = (message: string): void => {
        reject(new SendError(message, connected ? 'in doubt' : 'failed'))
        req.destroy()
        for (const idle of Object.values(freeSockets)) for (const socket of idle ?? []) socket.destroy()
      }
      const connecting = startTimer(() => {
        if (!connected) giveUp(`no connection to ${hostname} within ${this.#connectMs} ms`)
      }, this.#connectMs).unref()
      const asking = startTimer(() => {
        giveUp(`no answer from ${hostname} within ${this.#requestMs} ms`)
      }, this.#requestMs).unref()
      const abort = (): void => giveUp(`the request to ${hostname} was aborted`)
      signal?.addEventListener('abort', abort)

      /** What a listener throws would end the process. */
      const on = <T>(emitter: EventEmitter, event: string, listener: (value: T) => void): void => {
        emitter.on(event, (value: T) => {
          try {
            listener(value)
          } catch (error) {
            reject(new SendError('the answer could not be read', 'in doubt', { cause: error }))
          }
        })
      }
      on(req, 'socket', (socket: Socket) => {
        socket.unref()
        if (!socket.connecting) connected = true
        else on(socket, tls ? 'secureConnect' : 'connect', () => (connected = true))
      })
      on(req, 'response', (res: IncomingMessage) => {
        const chunks: Buffer[] = []
        let length = 0
        on(res, 'data', (chunk: Buffer) => {
          chunks.push(chunk)
          length += chunk.byteLength
          if (length > MAX_ANSWER_BYTES) giveUp(`${hostname} answered more than ${MAX_ANSWER_BYTES} bytes`)
        })
        on(res, 'end', () => {
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) })
        })
        on(res, 'error', (error: Error) => reject(new SendError(saying(error), 'in doubt', { cause: error })))
      })
      on(req, 'error', (error: Error) =>
        reject(new SendError(saying(error), connected ? 'in doubt' : 'failed', { cause: error })),
      )
      on(req, 'close', () => {
        stopTimer(connecting)
        stopTimer(asking)
        signal?.removeEventListener('abort', abort)
      })
      req.end(body)
    })
  }

  /** Closes every connection. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
  }
}

/** https and what it needs are loaded when there is something to send: they take 8 ms of a service's start. */
function newAgent(tls: boolean): Agent {
  const { Agent } = process.getBuiltinModule(tls ? 'node:https' : 'node:http')
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS }) as Opening
  const open = tls ? agent.createConnection : connectSocket
  agent.createConnection = (options) => pastInterceptors(() => Reflect.apply(open, agent, [options]))
  return agent
}

/** What an error says. When every address of a host failed, Node's error is an AggregateError without a message. */
function saying(error: Error): string {
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name)
}
