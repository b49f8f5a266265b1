import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Endpoint } from '../codec/zipkin-span.ts'
import { failed } from '../faults.ts'
import type { Span } from '../span.ts'
import type { Tracing } from '../tracing.ts'
import { endpoint } from './endpoint.ts'
import { HttpServerHandler, type HttpReader } from './http.ts'
import { patch, uninstallAll } from './patch.ts'

const CALL = Symbol.for('tdist.serverCall')
const REMOTE = Symbol.for('tdist.remoteEndpoint')
/** Bound emitters replace `on`; ours is added by the one below, and runs in no scope of the request's. */
const { on } = EventEmitter.prototype as {
  on: (this: EventEmitter, event: string, listener: () => void) => unknown
}

/**
 * A request that a server is answering. It stands on the request itself, so that whoever meets a request first
 * (the server, a framework, a framework inside a framework) traces it, and the rest find it traced.
 */
export interface ServerCall {
  readonly tracing: Tracing
  readonly span: Span
  /** The route's template. Undefined when none is known; empty when the one that was entered passed the request on. */
  route: string | undefined
  /** The first error of whoever answers. */
  error: unknown
}

type Met = IncomingMessage & { [CALL]?: ServerCall }
type Known = Socket & { [REMOTE]?: Endpoint | null }

/** The call that a request belongs to, once somebody has met it. */
export function callOf(request: IncomingMessage): ServerCall | undefined {
  return (request as Met)[CALL]
}

/** What meets requests on behalf of one tracing. */
export class ServerCalls {
  readonly #handler: HttpServerHandler<IncomingMessage>
  readonly #tracing: Tracing

  constructor(tracing: Tracing) {
    this.#handler = new HttpServerHandler(tracing, reader)
    this.#tracing = tracing
  }

  /**
   * Begins the call of a request, which ends by itself when the response is out or its connection is gone.
   * Undefined when it is not ours to begin: met before, or inside work that is never traced.
   */
  begin(request: IncomingMessage, response: ServerResponse): ServerCall | undefined {
    return this.#begin(request, (call) => {
      const close = (): void => {
        try {
          this.#close(call, request, response)
        } catch (error) {
          this.#tracing.failed('http server', error)
        }
      }
      on.call(response, 'close', close)
      // Of a pipelined request: as long as it waits for the answers before, its response has no socket to close.
      if (response.socket === null) whileQueued(request.socket, response, close)
    })
  }

  /** Begins the call of a request to change the protocol, which ends with the first bytes of the answer. */
  beginUpgrade(request: IncomingMessage, socket: Socket): ServerCall | undefined {
    return this.#begin(request, (call) => {
      onAnswer(socket, (status) => {
        this.#end(call, request, status, call.error ?? (status === undefined ? aborted() : undefined))
      })
    })
  }

  #begin(request: Met, watch: (call: ServerCall) => void): ServerCall | undefined {
    const { dataManager } = this.#tracing
    if (request[CALL] !== undefined) return undefined
    // A server may have been opened in any scope; only the scope of our own work says that it is untraced.
    if (dataManager.suppressed && dataManager.current === undefined) return undefined
    const span = this.#handler.receive(request, remoteOf(request.socket))
    const call: ServerCall = { tracing: this.#tracing, span, route: undefined, error: undefined }
    request[CALL] = call
    if (span.recording) watch(call)
    return call
  }

  #close(call: ServerCall, request: IncomingMessage, response: ServerResponse): void {
    const error = call.error ?? (response.writableFinished ? undefined : aborted())
    this.#end(call, request, response.headersSent ? response.statusCode : undefined, error)
  }

  #end(call: ServerCall, request: IncomingMessage, status: number | undefined, error: unknown): void {
    this.#handler.send(call.span, request, status, call.route || undefined, error)
  }
}

const reader: HttpReader<IncomingMessage> = {
  method: (request) => request.method ?? 'GET',
  // Frameworks cut the mount's path off `url` and leave what arrived here.
  url: (request) => (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/',
  header(request, name) {
    const value = request.headers[name]
    return typeof value === 'object' ? value[0] : value
  },
}

/** Worked out once a connection. */
function remoteOf(socket: Known | undefined): Endpoint | undefined {
  if (!socket) return undefined
  let remote = socket[REMOTE]
  if (remote === undefined) {
    const known = endpoint(socket.remoteAddress, socket.remotePort)
    remote = socket[REMOTE] = known ? Object.freeze(known) : null
  }
  return remote ?? undefined
}

function aborted(): Error {
  return new Error('aborted')
}

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/

const QUEUED: unique symbol = Symbol.for('tdist.queuedCalls')

/** Calls back when the socket closes before the response does. One listener a socket, however long its queue. */
function whileQueued(
  socket: Socket & { [QUEUED]?: Set<() => void> },
  response: ServerResponse,
  close: () => void,
) {
  let queued = socket[QUEUED]
  if (!queued) {
    const calls = (queued = socket[QUEUED] = new Set())
    on.call(socket, 'close', () => {
      try {
        for (const one of calls) one()
      } catch (error) {
        failed('http server', error)
      }
    })
  }
  const calls = queued.add(close)
  on.call(response, 'close', () => calls.delete(close))
}

type Write = (this: Socket, ...args: unknown[]) => unknown

/** Calls back with the status of the first answer that is written to the socket, or when it closes. */
function onAnswer(socket: Socket, answered: (status: number | undefined) => void): void {
  const settle = (bytes: unknown): void => {
    try {
      unwatch()
      socket.removeListener('close', closed)
      answered(statusOf(bytes))
    } catch (error) {
      failed('http server', error)
    }
  }
  const watch = (original: Write): Write =>
    function (...args) {
      settle(args[0])
      return original.apply(this, args)
    }
  const closed = (): void => settle(undefined)
  const writable = socket as unknown as { write: Write; end: Write }
  const unwatch = uninstallAll([patch(writable, 'write', watch), patch(writable, 'end', watch)])
  on.call(socket, 'close', closed)
}

function statusOf(bytes: unknown): number | undefined {
  const text = bytes instanceof Uint8Array ? Buffer.from(bytes.subarray(0, 16)).toString('latin1') : bytes
  const status = typeof text === 'string' ? STATUS_LINE.exec(text)?.[1] : undefined
  return status === undefined ? undefined : Number(status)
}
