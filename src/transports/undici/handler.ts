import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { failed } from '../../host/faults.ts'
import type { Call } from '../http-clients/client-calls.ts'
import { claimHeader, releaseHeader, type WholeCall } from './channels.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type Headers = Parameters<NonNullable<Handler['onResponseStart']>>[2]

/**
 * Whether undici will take this dispatch: one that it refuses must come to it as it is. A handler has one of two forms,
 * that of version 6 and before (`onConnect` and so on) or that of version 7 and later (`onRequestStart` and so on).
 */
export function isDispatchable(options: unknown, handler: unknown): boolean {
  if (!isObject(options) || !isObject(handler)) return false
  if (typeof options['method'] !== 'string' || typeof options['path'] !== 'string') return false
  const upgrade = Boolean(options['upgrade']) || options['method'] === 'CONNECT'
  const needed = 'onRequestStart' in handler ? (upgrade ? NEW_UPGRADE : NEW) : upgrade ? OLD_UPGRADE : OLD
  for (const name of needed) if (typeof handler[name] !== 'function') return false
  for (const name of OPTIONAL) {
    if (handler[name] !== undefined && typeof handler[name] !== 'function') return false
  }
  return true
}

const OLD = ['onConnect', 'onHeaders', 'onData', 'onComplete', 'onError']
const OLD_UPGRADE = ['onConnect', 'onUpgrade', 'onError']
const NEW = ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError']
const NEW_UPGRADE = ['onRequestStart', 'onRequestUpgrade', 'onResponseError']
const OPTIONAL = ['onBodySent', 'onRequestSent', 'onResponseStarted']

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object'
}

/** A dispatch that is traced: the handler of the host, and the call that is told what it hears. */
class Exchange<Request> implements WholeCall {
  readonly handler: Handler
  readonly call: Call<Request>
  abandoned = false
  readonly #mark: string
  #answer: number | undefined

  constructor(handler: Handler, call: Call<Request>, mark: string) {
    this.handler = handler
    this.call = call
    this.#mark = mark
    if (mark !== '') claimHeader(mark, this)
  }

  remote(socket: Socket): void {
    this.call.remote(socket)
  }

  answered(status: number | undefined): void {
    this.#answer = status
  }

  /** The call is over. */
  ended(error?: unknown): void {
    let status: number | undefined
    try {
      releaseHeader(this.#mark, this)
      if (this.abandoned) return this.call.abandoned(error)
      // An interceptor between us and the connection may make an error of a response.
      if (error !== undefined) status = statusOf(error) ?? this.#answer
    } catch (fault) {
      failed('undici', fault)
    }
    this.call.end(error, status)
  }
}

/**
 * Stands in for a dispatch's handler: tells the call, then the handler, what comes. It has no private fields, for an
 * interceptor of the host's may call its methods on an object that inherits from it.
 */
export class TracedHandler<Request> implements Handler {
  private readonly tdist: Exchange<Request>

  /** `mark` is a header's value, or the path, that no other request has; empty when there is none. */
  constructor(handler: Handler, call: Call<Request>, mark: string) {
    this.tdist = new Exchange(handler, call, mark)
    // By these two undici tells which form a handler has.
    if (handler.onRequestStart === undefined) Object.assign(this, { onRequestStart: undefined })
    if (handler.onConnect === undefined) Object.assign(this, { onConnect: undefined })
  }

  /** The call is over. */
  ended(error?: unknown): void {
    this.tdist.ended(error)
  }

  onRequestStart(controller: Controller, context: object): void {
    this.tdist.handler.onRequestStart!(controller, context)
  }

  onRequestUpgrade(controller: Controller, status: number, headers: Headers, socket: Duplex): void {
    this.tdist.call.headers(status)
    this.tdist.ended()
    this.tdist.handler.onRequestUpgrade!(controller, status, headers, socket)
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, message?: string): void {
    this.tdist.call.headers(status)
    this.tdist.handler.onResponseStart!(controller, status, headers, message)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.tdist.handler.onResponseData!(controller, chunk)
  }

  onResponseEnd(controller: Controller, trailers: Headers): void {
    this.tdist.ended()
    this.tdist.handler.onResponseEnd!(controller, trailers)
  }

  onResponseError(controller: Controller, error: Error): void {
    try {
      // Some interceptors give null for one.
      this.tdist.abandoned = (controller as Controller | null)?.aborted === true
    } catch (fault) {
      failed('undici', fault)
    }
    this.tdist.ended(error)
    this.tdist.handler.onResponseError!(controller, error)
  }

  onConnect(abort: (error?: Error) => void, context?: object): void {
    const giveUp = (error?: Error): void => {
      this.tdist.abandoned = true
      abort(error)
    }
    ;(this.tdist.handler.onConnect as (abort: (error?: Error) => void, context?: object) => void)(
      giveUp,
      context,
    )
  }

  onUpgrade(status: number, headers: Buffer[] | string[] | null, socket: Duplex): void {
    this.tdist.call.headers(status)
    this.tdist.ended()
    this.tdist.handler.onUpgrade!(status, headers, socket)
  }

  onResponseStarted(): void {
    this.tdist.handler.onResponseStarted?.()
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void, message: string): boolean {
    this.tdist.call.headers(status)
    return this.tdist.handler.onHeaders!(status, headers, resume, message)
  }

  onData(chunk: Buffer): boolean {
    return this.tdist.handler.onData!(chunk)
  }

  onComplete(trailers: string[] | null): void {
    this.tdist.ended()
    this.tdist.handler.onComplete!(trailers)
  }

  onError(error: Error): void {
    this.tdist.ended(error)
    this.tdist.handler.onError!(error)
  }

  onBodySent(size: number, total: number): void {
    this.tdist.handler.onBodySent?.(size, total)
  }

  onRequestSent(): void {
    ;(this.tdist.handler as { onRequestSent?: () => void }).onRequestSent?.()
  }
}

/**
 * The status of the response that an error was made of, as undici's own errors have it; undefined when there is none.
 */
function statusOf(error: unknown): number | undefined {
  const { statusCode } = (error ?? {}) as { statusCode?: unknown }
  return Number.isInteger(statusCode) ? (statusCode as number) : undefined
}
