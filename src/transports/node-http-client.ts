import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import type { Span } from '../span.ts'
import type { Tracing } from '../tracing.ts'
import { bindMessages } from './bound-messages.ts'
import { Call, ClientCalls, type TracedClient } from './client-calls.ts'
import { counted } from './counted.ts'
import { addTo } from './header-list.ts'
import { endpoint, type HttpReader } from './http.ts'
import type { Instrumentation } from './instrumentation.ts'
import { patch, uninstallAll, unpatched, type Uninstall } from './patch.ts'
import { renderedAtOnce, withAddedHeaders, type Outgoing } from './rendered-request.ts'

type Arguments = Parameters<typeof http.request>
type Make = (...args: Arguments) => ClientRequest

/** A module that makes requests as node:http does. */
export interface HttpModule {
  readonly request: typeof http.request
  readonly get: typeof http.get
}

/**
 * `request` and `get` of node:http, node:https or a module like them, traced. Arguments, errors and what they
 * return are the module's own.
 */
export function traceHttpClient(tracing: Tracing, module: HttpModule): HttpModule {
  if (!tracing.enabled) return { request: module.request, get: module.get }
  followForever()
  const client = calls.of(tracing)
  const request = function (this: unknown, ...args: Arguments) {
    return make(client, unpatched(module.request) as Make, module, args)
  } as typeof http.request
  return { request, get: getBy(request) }
}

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

function setHeader(req: ClientRequest, name: string, value: string): void {
  req.setHeader(name, value)
}

/** Traces every request that node:http and node:https make. */
export const nodeHttpClient: Instrumentation = {
  module: 'node:http',
  versions: '>=20.19',
  install(tracing) {
    if (!tracing.enabled) return () => {}
    return uninstallAll([calls.install(tracing), patchModules(), follow()])
  },
}

/** Makes `callsTracedBy` reach the requests of node:http, for good. */
export function followHttpCalls(): void {
  followForever()
  patchForever()
}

const calls = new ClientCalls(reader)
const CALL = Symbol.for('tdist.call')

/** A request with what we know of it, and the response as Node keeps it there. */
type Followed = ClientRequest & { [CALL]?: Call<Outgoing> | undefined; res?: IncomingMessage | null }

function make(client: TracedClient<Outgoing>, request: Make, self: unknown, args: Arguments): ClientRequest {
  const early = renderedAtOnce(args)
  if (early === undefined) {
    // The request is made of what the caller gave, and its headers have not gone yet.
    const req = Reflect.apply(request, self, args)
    begin(client, req)
    return req
  }
  const added: string[] = []
  const span = client.start(early, added, addTo)
  let req: ClientRequest
  try {
    req = Reflect.apply(request, self, span ? withAddedHeaders(args, added, client.keys) : args)
  } catch (error) {
    if (span) client.end(span, early, undefined, error)
    throw error
  }
  if (span?.recording) watch(client, req, span)
  return req
}

function begin(client: TracedClient<Outgoing>, req: Followed): void {
  try {
    const { tracing, keys } = client
    if (req[CALL] || req.headersSent || tracing.dataManager.suppressed) return
    for (const key of keys) if (req.hasHeader(key)) req.removeHeader(key)
    const span = client.start(req, req, setHeader)
    if (span?.recording) watch(client, req, span)
  } catch (error) {
    client.tracing.failed('http client', error)
  }
}

function watch(client: TracedClient<Outgoing>, req: Followed, span: Span): void {
  req[CALL] = new Call<Outgoing>(client, req, span)
  // Around our own binding of listeners: this one needs no scope.
  EventEmitter.prototype.on.call(req, 'close', closed)
}

/*
 * Responses and errors come by Node's channels: a 'response' or 'error' listener of ours would change what Node
 * does for a request that has none.
 */
function responded(message: unknown): void {
  const { request, response } = message as { request: Followed; response: IncomingMessage }
  const call = request[CALL]
  if (call === undefined) return
  const { socket, statusCode } = response
  call.remote(endpoint(socket.remoteAddress, socket.remotePort))
  call.headers(statusCode!)
  if (hasNoBody(request.method, response)) call.end()
}

/** A body that has no bytes ends only when it is read, and many a caller does not. */
function hasNoBody(method: string, { statusCode, headers }: IncomingMessage): boolean {
  return method === 'HEAD' || statusCode === 204 || headers['content-length'] === '0'
}

function failed(message: unknown): void {
  const { request, error } = message as { request: Followed; error: unknown }
  request[CALL]?.end(error)
}

function closed(this: Followed): void {
  const call = this[CALL]
  if (call === undefined) return
  this[CALL] = undefined
  const { res } = this
  // An upgrade comes by no channel.
  if (res && call.status === undefined) {
    call.remote(endpoint(res.socket?.remoteAddress, res.socket?.remotePort))
    call.headers(res.statusCode!)
  }
  const broken = res && !res.complete && call.status !== 101 && this.method !== 'CONNECT'
  call.end(broken ? (res.errored ?? new Error('aborted')) : undefined)
}

const follow = counted(() => {
  subscribe('http.client.response.finish', responded)
  subscribe('http.client.request.error', failed)
  const unbind = bindMessages()
  return () => {
    unsubscribe('http.client.response.finish', responded)
    unsubscribe('http.client.request.error', failed)
    unbind()
  }
})

const patchModules = counted(() => {
  const undo = uninstallAll([http, https].map(patchModule))
  syncBuiltinESMExports()
  return () => {
    undo()
    syncBuiltinESMExports()
  }
})

function patchModule(module: typeof http | typeof https): Uninstall {
  const owner = module as { request: Make; get: Make }
  const undoRequest = patch(
    owner,
    'request',
    (request) =>
      function (this: unknown, ...args: Arguments) {
        const client = calls.here()
        if (client === undefined) return Reflect.apply(request, this, args)
        return make(client, request, this, args)
      },
  )
  const { request } = owner
  // Node's own `get` calls a `request` that nobody can reach, and ends it before we see it.
  const undoGet = patch(owner, 'get', () => getBy(request as typeof http.request) as Make)
  return uninstallAll([undoRequest, undoGet])
}

function getBy(request: typeof http.request): typeof http.get {
  return function (this: unknown, ...args: Arguments) {
    const req = Reflect.apply(request, this, args)
    req.end()
    return req
  } as typeof http.get
}

const followForever = once(follow)
const patchForever = once(patchModules)

function once(install: () => Uninstall): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    install()
  }
}
