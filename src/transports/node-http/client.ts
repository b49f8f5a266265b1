import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import type * as Http from 'node:http'
import type { ClientRequest } from 'node:http'
import { failed } from '../../host/faults.ts'
import { warn } from '../../host/log.ts'
import { processState } from '../../host/process-state.ts'
import { nodeHttp, nodeHttps } from './modules.ts'
import { calling } from '../hooks/calling.ts'
import { Call, callsTracedBy, ClientCalls, type TracedClient } from '../http-clients/client-calls.ts'
import { installOnce } from '../hooks/install-once.ts'
import { CALL } from './follow-messages.ts'
import { addTo } from '../http-clients/header-list.ts'
import type { HttpReader } from '../protocols/http.ts'
import { instrumentation, type Instrumentation } from '../hooks/instrumentation.ts'
import { followRequest, followRequests, type Followed } from './client-call.ts'
import { patch, uninstallAll, unpatched, type Uninstall } from '../../host/patch.ts'
import { readable, renderedAtOnce, withAddedHeaders, type Outgoing } from './early-headers.ts'
import { signedHeaders, unless } from '../http-clients/signed-headers.ts'
import { TraceHeaders } from './trace-headers.ts'
import { isHttpsLoaded, whenHttpsLoads } from './when-https-loads.ts'

type Arguments = Parameters<HttpModule['request']>
type Make = (...args: Arguments) => ClientRequest

/** A module that makes requests as node:http does. */
export interface HttpModule {
  readonly request: typeof Http.request
  readonly get: typeof Http.get
}

/**
 * Returns `request` and `get` of node:http, node:https or a module like them, traced: each request is a CLIENT span.
 * They are traced as they are now; a patch that somebody puts on the module later is not called. Arguments, errors and
 * results are the module's own. Where the module stands on node:http (follow-redirects), each request that it makes
 * there is a span. Requests of another kind (HTTP/2) have no span, which a line on standard error says.
 */
export function traceHttpClient(tracing: Tracing, module: HttpModule): HttpModule {
  assumeOurs(tracing)
  const { request, get } = module
  try {
    if (tracing.enabled) return traced(tracing, module)
  } catch (error) {
    tracing.failed('node:http', error)
  }
  return { request, get }
}

function traced(tracing: ServiceTracing, module: HttpModule): HttpModule {
  followed ??= followRequests()
  const client = calls.of(tracing)
  const own = unpatched(module.request as Make)
  if (!isNodes(own)) return overNode(client, module)
  const request = function (this: unknown, ...args: Arguments) {
    return make(client, own, module, args)
  } as HttpModule['request']
  return { request, get: getBy(request) }
}

function isNodes(request: Make): boolean {
  return isOf(nodeHttp(), request) || (isHttpsLoaded() && isOf(nodeHttps(), request))
}

function isOf(module: HttpModule, request: Make): boolean {
  return unpatched(module.request as Make) === request
}

/** A module that is not Node's: the requests that it makes through node:http are traced, as those of axios are. */
function overNode(client: TracedClient<Outgoing>, module: HttpModule): HttpModule {
  followHttpCalls()
  const over = (own: Make): Make =>
    calling(own, (_, args) => {
      const before = begun
      const req = callsTracedBy(client.tracing, own, module, args)
      // It may have a way to node:http that leads round what is patched.
      if (begun === before) begin(client, req)
      return req
    })
  return { request: over(module.request as Make), get: over(module.get as Make) } as HttpModule
}

/** How many requests were seen, with a span or without. */
let begun = 0

const reader: HttpReader<Outgoing> = {
  method: (request) => request.method,
  url(request) {
    const host = request.getHeader('host')
    return typeof host === 'string' && request.path.startsWith('/')
      ? `${request.protocol}//${host}${request.path}`
      : request.path
  },
  header(request, name) {
    const value = request.getHeader(name)
    return Array.isArray(value) ? value[0] : value?.toString()
  },
}

const NONE: ReadonlySet<string> = new Set()

function setHeader(headers: TraceHeaders, name: string, value: string): void {
  headers.set(name, value)
}

/** Traces every request that node:http and node:https make: each is a CLIENT span. */
export const nodeHttpClient: Instrumentation = instrumentation('node:http', (tracing) => {
  return uninstallAll([calls.install(tracing), patchModules(), followRequests()])
})

/** Makes `callsTracedBy` reach the requests of node:http. It is not undone. */
export function followHttpCalls(): void {
  patched ??= patchModules()
  followed ??= followRequests()
}

/** What the explicit ways have installed, which stays. */
let patched: Uninstall | undefined
let followed: Uninstall | undefined

const calls = new ClientCalls('node:http', reader)

function make(client: TracedClient<Outgoing>, request: Make, self: unknown, args: Arguments): ClientRequest {
  let early: Outgoing | undefined
  let given = args
  try {
    given = readable(args)
    early = renderedAtOnce(given)
  } catch (error) {
    client.tracing.failed('node:http', error)
  }
  if (early !== undefined) return makeRendered(client, early, request, self, given)
  // The request is made of what the caller gave, and its headers have not gone yet.
  const req = Reflect.apply(request, self, given)
  begin(client, req)
  return req
}

function begin(client: TracedClient<Outgoing>, req: Followed): void {
  try {
    const { tracing, keys, names } = client
    if (req?.[CALL] || req?.method === 'CONNECT' || tracing.dataManager.suppressed) return
    if (typeof req?.hasHeader !== 'function' || typeof req.setHeader !== 'function') return warnOfForeign()
    if (req.headersSent) return
    begun++
    let signed: ReadonlySet<string> | undefined
    for (const name of names) {
      if (!req.hasHeader(name)) continue
      signed ??= signedHeaders(Object.entries(req.getHeaders()), req.path) ?? NONE
      if (keys.has(name) && !signed.has(name)) req.removeHeader(name)
    }
    const headers = new TraceHeaders(client, req)
    const span = client.start(req, headers, signed ? unless(signed, setHeader) : setHeader)
    if (span !== undefined) headers.keep()
    if (span?.recording) watch(req, new Call<Outgoing>(client, req, span))
  } catch (error) {
    client.tracing.failed('node:http', error)
  }
}

function warnOfForeign(): void {
  warn(
    'http module',
    'a request that is not node:http’s own has no span: use what traces the library that made it',
  )
}

function watch(req: Followed, call: Call<Outgoing>): void {
  try {
    followRequest(req, call)
  } catch (error) {
    failed('node:http', error)
    call.end()
  }
}

function makeRendered(
  client: TracedClient<Outgoing>,
  early: Outgoing,
  request: Make,
  self: unknown,
  args: Arguments,
): ClientRequest {
  let call: Call<Outgoing> | undefined
  let sent = args
  try {
    begun++
    const added: string[] = []
    const span = client.start(early, added, addTo)
    if (span?.recording) call = new Call(client, early, span)
    if (span !== undefined) sent = withAddedHeaders(args, added, client.keys, early.path)
  } catch (error) {
    client.tracing.failed('node:http', error)
  }
  let req: ClientRequest
  try {
    req = Reflect.apply(request, self, sent)
  } catch (error) {
    call?.end(error)
    throw error
  }
  if (call !== undefined) watch(req, call)
  return req
}

const patchModules = installOnce(() => {
  return uninstallAll([patchAndSync(nodeHttp()), whenHttpsLoads(() => patchAndSync(nodeHttps()))])
})

/** The names that an `import` has are told what they lead to now. */
function patchAndSync(module: HttpModule): Uninstall {
  const undo = patchModule(module)
  const sync = processState.nodeModule.syncBuiltinESMExports
  sync()
  return () => {
    undo()
    sync()
  }
}

function patchModule(module: HttpModule): Uninstall {
  const owner = module as { request: Make; get: Make }
  const undoRequest = patch(
    owner,
    'request',
    (request) =>
      function (this: unknown, ...args: Arguments) {
        let client: TracedClient<Outgoing> | undefined
        try {
          client = calls.here()
        } catch (error) {
          failed('node:http', error)
        }
        return client ? make(client, request, this, args) : Reflect.apply(request, this, args)
      },
  )
  const { request } = owner
  // Node's own `get` calls a `request` that nobody can reach, and ends it before we see it.
  const undoGet = patch(owner, 'get', () => getBy(request as HttpModule['request']) as Make)
  return uninstallAll([undoRequest, undoGet])
}

function getBy(request: HttpModule['request']): typeof Http.get {
  return function (this: unknown, ...args: Arguments) {
    const req = Reflect.apply(request, this, args)
    req.end()
    return req
  } as typeof Http.get
}
