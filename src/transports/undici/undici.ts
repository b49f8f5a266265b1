import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import type { Dispatcher } from 'undici'
import { keepSignature } from '../../host/keep-signature.ts'
import { calling } from '../hooks/calling.ts'
import { Call, callsTracedBy, TracedClient } from '../http-clients/client-calls.ts'
import { addTo, headerOf, withHeaders } from '../http-clients/header-list.ts'
import type { HttpReader } from '../protocols/http.ts'
import { overrideMethods } from '../hooks/override-methods.ts'
import { ownerOf } from '../hooks/owner-of.ts'
import { picked, plainCopy, standIn } from '../hooks/stand-in.ts'
import { tracedOnce } from '../hooks/traced-once.ts'
import { isDispatchable, TracedHandler } from './handler.ts'
import { followUndiciCalls } from './channels.ts'

export { traceFetch } from './fetch.ts'
export { undici } from './channels.ts'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler
type Dispatch = (options: Options, handler: Handler) => boolean

/**
 * Returns the dispatcher (an Agent, Pool, Client or any other), traced: each dispatch is a CLIENT span. It begins when
 * the dispatch is asked for, so a request that waits in a pool's queue has the right parent, and its wait counts. The
 * dispatcher that was given stays untraced; all else is its own. Never throws.
 */
export function traceUndici<D extends Dispatcher>(tracing: Tracing, dispatcher: D): D {
  assumeOurs(tracing)
  return tracedOnce(tracing, 'undici', dispatcher, () => tracedDispatcher(tracing, dispatcher))
}

type Method = (this: unknown, ...args: never[]) => unknown

function tracedDispatcher<D extends Dispatcher>(tracing: ServiceTracing, dispatcher: D): D {
  followUndiciCalls()
  const client = new TracedClient(tracing, reader)
  const dispatchItself = dispatcher.dispatch.bind(dispatcher)
  const traced = (options: Options, handler: Handler): boolean =>
    dispatch(client, dispatchItself, options, handler)
  keepSignature(traced, Reflect.get(dispatcher, 'dispatch') as Dispatch)
  const methods: Record<string, Method> = { dispatch: traced }
  const undicis = new Set<PropertyKey>()
  for (const name of ASKING) {
    const method = dispatcher[name] as unknown as Method | undefined
    if (isUndicis(dispatcher, name)) undicis.add(name)
    else if (typeof method === 'function' && name !== 'compose') {
      // One that a class of the service's has overridden may use private fields, and dispatches on itself.
      methods[name] = calling(method, (_, args) => callsTracedBy(tracing, method, dispatcher, args))
    }
  }
  return overrideMethods(dispatcher, methods, { onItself: (key) => !undicis.has(key) })
}

/** The methods that make requests by `this.dispatch`. */
const ASKING = ['request', 'stream', 'pipeline', 'connect', 'upgrade', 'compose'] as const

/** Whether a method is the one that undici gives every dispatcher. */
function isUndicis(dispatcher: Dispatcher, name: string): boolean {
  const owner = ownerOf(dispatcher, name)
  return owner !== null && Object.hasOwn(owner, 'compose') && Object.hasOwn(owner, 'dispatch')
}

const reader: HttpReader<Options> = {
  method: (options) => String(options.method),
  url: ({ origin, path }) => (origin && path.startsWith('/') ? String(origin) + path : path),
  header: (options, name) => headerOf(options.headers, name),
}

function dispatch(
  client: TracedClient<Options>,
  dispatchItself: Dispatch,
  options: Options,
  handler: Handler,
): boolean {
  let traced: Dispatched | undefined
  try {
    traced = begin(client, options, handler)
  } catch (error) {
    client.tracing.failed('undici', error)
  }
  if (traced === undefined) return dispatchItself(options, handler)
  try {
    return dispatchItself(traced.options, traced.handler)
  } catch (error) {
    traced.watching?.ended(error)
    throw error
  }
}

interface Dispatched {
  readonly options: Options
  readonly handler: Handler
  /** The handler, where the span is recorded. */
  readonly watching: TracedHandler<Options> | undefined
}

/** Begins the span of a dispatch. Returns what to dispatch instead; undefined when it is not traced. */
function begin(client: TracedClient<Options>, given: Options, handler: Handler): Dispatched | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const copy: { -readonly [K in keyof Options]: Options[K] } | undefined = plainCopy(given)
  // Getters are called once, as undici calls them.
  const options = copy ?? picked(given, READ)
  if (!isDispatchable(options, handler)) return undefined
  const added: string[] = []
  const span = client.start(options, added, addTo)
  if (span === undefined) return undefined
  const call = new Call(client, options, span)
  try {
    const headers = withHeaders(options.headers, added, client.keys, options.path) as string[]
    if (copy) copy.headers = headers
    const sent = copy ?? standIn(given, { ...options, headers })
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

const READ = ['origin', 'path', 'method', 'headers', 'upgrade'] as const

/**
 * What tells the request from all others: the value of the header that has the span ID; where a signature leaves no
 * place for that header, the value that has the signature. Empty when there is neither.
 */
function markOf(added: readonly string[], spanId: string, sent: readonly string[], path: string): string {
  for (let i = 1; i < added.length; i += 2) if (added[i]!.includes(spanId)) return added[i]!
  const authorization = headerOf(sent, 'authorization')
  if (authorization?.includes('ignature=')) return authorization
  return headerOf(sent, 'signature') ?? (path.includes('SignedHeaders=') ? path : '')
}
