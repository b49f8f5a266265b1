import type { Dispatcher } from 'undici'
import type { Tracing } from '../tracing.ts'
import { Call, TracedClient } from './client-calls.ts'
import { addTo, headerOf, withHeaders } from './header-list.ts'
import type { HttpReader } from './http.ts'
import { TracedHandler, isWhole } from './undici-handler.ts'
import { followUndiciCalls } from './undici-channels.ts'

export { traceFetch } from './fetch.ts'
export { undici } from './undici-channels.ts'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

const TRACED = Symbol.for('tdist.traced')

/**
 * The dispatcher (an Agent, Pool, Client or any other), traced: each dispatch is a span that begins when it is
 * asked for, so a request that waits in a pool's queue has the right parent and its wait counts. All else is
 * the dispatcher's own.
 */
export function traceUndici<D extends Dispatcher>(tracing: Tracing, dispatcher: D): D {
  try {
    return tracing.enabled && !(TRACED in dispatcher) ? tracedDispatcher(tracing, dispatcher) : dispatcher
  } catch (error) {
    tracing.failed('undici', error)
    return dispatcher
  }
}

function tracedDispatcher<D extends Dispatcher>(tracing: Tracing, dispatcher: D): D {
  followUndiciCalls()
  const client = new TracedClient(tracing, reader)
  const own: Record<string | symbol, unknown> = {
    [TRACED]: true,
    dispatch: (options: Options, handler: Handler) => dispatch(client, dispatcher, options, handler),
    // Some dispatchers close by private fields, which only they themselves have.
    close: (...args: []) => dispatcher.close(...args),
    destroy: (...args: []) => dispatcher.destroy(...args),
  }
  return new Proxy(dispatcher, {
    get: (target, key) => (Object.hasOwn(own, key) ? own[key] : Reflect.get(target, key)),
    has: (target, key) => key === TRACED || Reflect.has(target, key),
  })
}

const reader: HttpReader<Options> = {
  method: (options) => String(options.method),
  url: ({ origin, path }) => (origin && path.startsWith('/') ? String(origin) + path : path),
  header: (options, name) => headerOf(options.headers, name),
}

function dispatch(
  client: TracedClient<Options>,
  dispatcher: Dispatcher,
  options: Options,
  handler: Handler,
): boolean {
  let traced: Dispatch | undefined
  try {
    traced = begin(client, options, handler)
  } catch (error) {
    client.tracing.failed('undici', error)
  }
  if (traced === undefined) return dispatcher.dispatch(options, handler)
  try {
    return dispatcher.dispatch(traced.options, traced.handler)
  } catch (error) {
    traced.watching?.ended(error)
    throw error
  }
}

interface Dispatch {
  readonly options: Options
  readonly handler: Handler
  /** The handler, where the span is recorded. */
  readonly watching: TracedHandler<Options> | undefined
}

/** What to dispatch in place of these; undefined leaves them. */
function begin(client: TracedClient<Options>, options: Options, handler: Handler): Dispatch | undefined {
  if (!isWhole(options, handler)) return undefined
  const added: string[] = []
  const span = client.start(options, added, addTo)
  if (span === undefined) return undefined
  const call = new Call(client, options, span)
  try {
    const headers = withHeaders(options.headers, added, client.keys, options.path) as string[]
    const sent = withOwn(options, headers)
    if (!span.recording) return { options: sent, handler, watching: undefined }
    const watching = new TracedHandler(
      handler,
      call,
      markOf(added, span.context.spanId, headers, options.path),
    )
    return { options: sent, handler: watching, watching }
  } catch (error) {
    call.end()
    throw error
  }
}

/** The options with these headers. A spread with a property after it is so slow in V8 that it shows here. */
function withOwn(options: Options, headers: string[]): Options {
  const prototype: unknown = Object.getPrototypeOf(options)
  if (prototype !== Object.prototype && prototype !== null) {
    return Object.create(options, { headers: { value: headers, enumerable: true } }) as Options
  }
  const own: Options = Object.assign({ headers: undefined }, options)
  own.headers = headers
  return own
}

/**
 * The header value that bears the span ID, and so tells the request from all others; where a signature leaves no place
 * for it, what has the signature. Empty when there is neither.
 */
function markOf(added: readonly string[], spanId: string, sent: readonly string[], path: string): string {
  for (let i = 1; i < added.length; i += 2) if (added[i]!.includes(spanId)) return added[i]!
  const authorization = headerOf(sent, 'authorization')
  if (authorization?.includes('ignature=')) return authorization
  return headerOf(sent, 'signature') ?? (path.includes('SignedHeaders=') ? path : '')
}
