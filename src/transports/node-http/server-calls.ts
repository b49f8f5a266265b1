import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { endpoint } from '../protocols/endpoint.ts'
import { HttpServerHandler, type HttpReader } from '../protocols/http.ts'
import { openSpansOf, type OpenSpans } from '../protocols/open-spans.ts'
import { connectionOf } from './connection.ts'
import { CALL } from './follow-messages.ts'
import { ServerCall, type TracedRequest } from './server-call.ts'

/** Begins the calls that servers answer, for one tracing. */
export class ServerCalls {
  readonly #handler: HttpServerHandler<IncomingMessage>
  readonly #open: OpenSpans
  readonly #tracing: ServiceTracing

  constructor(tracing: ServiceTracing) {
    this.#handler = new HttpServerHandler(tracing, reader)
    this.#open = openSpansOf(tracing)
    this.#tracing = tracing
  }

  /**
   * Begins the call of a request. It ends by itself when the response is out or never will be. Undefined when the call
   * is not ours to begin: the request is traced already, or belongs to work that is never traced.
   */
  begin(request: IncomingMessage, response: ServerResponse): ServerCall | undefined {
    return this.#begin(request, response, undefined)
  }

  /** Begins the call of a request to change the protocol, which ends with the first bytes of the answer. */
  beginUpgrade(request: IncomingMessage, socket: Socket): ServerCall | undefined {
    return this.#begin(request, undefined, socket)
  }

  #begin(
    request: TracedRequest,
    response: ServerResponse | undefined,
    upgraded: Socket | undefined,
  ): ServerCall | undefined {
    const { dataManager } = this.#tracing
    if (request[CALL] !== undefined) return undefined
    const ending = upgraded ?? (response as ServerResponse | null | undefined)
    if (typeof ending?.emit !== 'function') throw new TypeError('a response that emits nothing never ends')
    // A server may have been opened in any scope; only the scope of our own work says that it is untraced.
    if (dataManager.suppressed && dataManager.current === undefined) return undefined
    const { socket } = request
    const connection = connectionOf(socket)
    const remote = connection
      ? connection.remoteOf(socket)
      : endpoint(socket?.remoteAddress, socket?.remotePort)
    const span = this.#handler.receive(request, remote)
    const call = new ServerCall(this.#tracing, this.#handler, span, request, response, connection)
    request[CALL] = call
    if (span.recording) call.begin(upgraded, this.#open)
    return call
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
