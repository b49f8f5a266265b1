import type { ClientRequest, IncomingMessage } from 'node:http'
import { nodeHttp } from './modules.ts'
import { listenAsOne } from '../hooks/diagnostics-channel.ts'
import type { OpenCall } from '../http-clients/client-calls.ts'
import { installOnce } from '../hooks/install-once.ts'
import { failed } from '../../host/faults.ts'
import { onNextTick } from '../../host/timers.ts'
import { CALL, followMessages, type MessageCall } from './follow-messages.ts'
import { connectionOf, type Connection, type OnConnection } from './connection.ts'
import { showAsOneWord } from '../hooks/inspected.ts'
import { overhear } from '../hooks/overheard.ts'
import { uninstallAll, type Uninstall } from '../../host/patch.ts'
import { keepTraceHeaders } from './trace-headers.ts'

/** A request with what follows it, and the response as Node keeps it there. */
export type Followed = ClientRequest & { [CALL]?: RequestCall; res?: IncomingMessage | null }

/**
 * A recorded call of node:http's, as its request, its response and its socket tell of it. Responses and errors come by
 * Node's channels too: whoever gives a request an `emit` of its own takes away only what else is overheard.
 */
export class RequestCall implements MessageCall, OnConnection {
  readonly #call: OpenCall
  readonly #request: Followed
  #connection: Connection | undefined
  #response: IncomingMessage | undefined
  #unhear: Uninstall | undefined
  /** Whether it was the caller who closed the connection. */
  #isGivenUp = false

  constructor(call: OpenCall, request: Followed) {
    this.#call = call
    this.#request = request
  }

  outgoing(event: string | symbol, value: unknown): void {
    switch (event) {
      case 'socket':
        this.#connection = connectionOf(value)
        this.#connection?.add(this)
        break
      case 'response':
      case 'upgrade':
      case 'connect':
        this.responded(value as IncomingMessage)
        break
      case 'error':
        this.failed(value)
        break
      case 'close':
        this.#close()
    }
  }

  /** Headers have come. */
  responded(response: IncomingMessage): void {
    if (this.#response !== undefined) return
    this.#response = response
    this.#call.remote(response.socket)
    this.#call.headers(response.statusCode!)
    if (hasNoBody(this.#request.method, response)) return this.#end()
    this.#unhear = overhear(response, 'node:http', (_, event) => {
      if (event === 'end') this.#end()
      else if (event === 'close') this.#close()
    })
  }

  failed(error: unknown): void {
    this.#note()
    if (this.#isGivenUp) this.#abandon(error)
    else this.#end(error)
  }

  /** The connection closes. Node's own events for that follow in the same tick, unless its listeners were removed. */
  lost(): void {
    try {
      this.#note()
      onNextTick(close, this)
    } catch (error) {
      failed('node:http', error)
    }
  }

  closed(): void {
    this.#close()
  }

  #note(): void {
    this.#isGivenUp ||= this.#request.destroyed || this.#response?.destroyed === true
  }

  #close(): void {
    const response = this.#response ?? this.#request.res
    if (!response) return this.#end(new Error('aborted'))
    // The answer came where neither the channel nor the event was heard.
    if (this.#call.status === undefined) this.responded(response)
    if (this.#call.status === 101 || (response.complete && (response.readableEnded || !response.destroyed)))
      return this.#end()
    const isUnread = response.readableFlowing === null
    if (this.#isGivenUp || isUnread || response.complete) this.#abandon(response.errored)
    else this.#end(response.errored ?? new Error('aborted'))
  }

  #abandon(reason: unknown): void {
    this.#letGo()
    this.#call.abandoned(reason)
  }

  #end(error?: unknown): void {
    this.#letGo()
    this.#call.end(error)
  }

  #letGo(): void {
    this.#connection?.remove(this)
    this.#unhear?.()
  }
}

showAsOneWord(RequestCall)

function close(call: RequestCall): void {
  try {
    call.closed()
  } catch (error) {
    failed('node:http', error)
  }
}

/** Whether a response has no body. Such a body ends only when it is read, and many callers do not read it. */
function hasNoBody(method: string, { statusCode, headers }: IncomingMessage): boolean {
  return method === 'HEAD' || statusCode === 204 || headers['content-length'] === '0'
}

/** Has a call end by what becomes of its request. */
export function followRequest(request: Followed, call: OpenCall): void {
  const following = new RequestCall(call, request)
  Object.defineProperty(request, CALL, { value: following, configurable: true })
  if (request instanceof nodeHttp().ClientRequest) return
  overhear(request as Followed, 'node:http', (_, event, value) => following.outgoing(event, value))
}

/** Has the requests that are followed told what becomes of them. */
export const followRequests: () => Uninstall = installOnce(() =>
  uninstallAll([
    followMessages(),
    keepTraceHeaders(),
    // A 'response' or 'error' listener of ours would change what Node does for a request that has none.
    listenAsOne<{ request: Followed; response: IncomingMessage }>(
      'http.client.response.finish',
      'node:http',
      ({ request, response }) => request[CALL]?.responded(response),
    ),
    listenAsOne<{ request: Followed; error: unknown }>(
      'http.client.request.error',
      'node:http',
      ({ request, error }) => request[CALL]?.failed(error),
    ),
  ]),
)
