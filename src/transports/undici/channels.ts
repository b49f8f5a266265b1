import { AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'
import { processState } from '../../host/process-state.ts'
import { listenAsOne } from '../hooks/diagnostics-channel.ts'
import { Call, ClientCalls, type TracedClient } from '../http-clients/client-calls.ts'
import { installOnce } from '../hooks/install-once.ts'
import { entriesOf } from '../http-clients/header-list.ts'
import type { HttpReader } from '../protocols/http.ts'
import { instrumentation, type Instrumentation } from '../hooks/instrumentation.ts'
import { uninstallAll, type Uninstall } from '../../host/patch.ts'
import { signedHeaders, unless } from '../http-clients/signed-headers.ts'

/** A request as undici's diagnostics channels show it. */
interface UndiciRequest {
  readonly origin: string | URL
  readonly path: string
  readonly method: string
  /** The names and values of the headers, in turn. */
  readonly headers: string[]
  addHeader(name: string, value: string): unknown
  [CALL]?: UndiciCall | undefined
  /** The call of `traceUndici` that the request is made for, as one of several attempts perhaps. */
  [PART_OF]?: WholeCall | undefined
}

/** A call that `traceUndici` has begun, as it hears of the requests that are made for it. */
export interface WholeCall {
  remote(socket: Socket): void
  /** The status that answered the latest request; undefined while there is none. */
  answered(status: number | undefined): void
}

class UndiciCall extends Call<UndiciRequest> {
  /** The connection, where it is this call's alone: not in HTTP/2. */
  socket: Socket | undefined
}

interface Message {
  readonly request: UndiciRequest
}

const CALL = Symbol.for('tdist.call')
const PART_OF = Symbol.for('tdist.partOf')

const reader: HttpReader<UndiciRequest> = {
  method: (request) => request.method,
  url: ({ origin, path }) => (path.startsWith('/') ? String(origin) + path : path),
  header({ headers }, name) {
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i]!.toLowerCase() === name) return headers[i + 1]
    }
    return undefined
  },
}

/** Traces every request that undici makes, and so every `fetch`: the npm package's and Node's own. */
export const undici: Instrumentation = instrumentation('undici', (tracing) => {
  return uninstallAll([calls.install(tracing), follow()])
})

/** Makes `callsTracedBy` reach the requests of undici and fetch. It is not undone. */
export function followUndiciCalls(): void {
  followed ??= follow()
}

const calls = new ClientCalls('undici', reader)
/** What the explicit ways have subscribed, which stays. */
let followed: Uninstall | undefined

const begun = processState.calls as Map<string, WholeCall>

/**
 * Says that requests with a header of this value, or with this path, belong to a call that has its span already.
 * `traceUndici` says so: its request may be made much later and in somebody else's scope, when a pool has a connection
 * for it. {@link releaseHeader} takes it back.
 */
export function claimHeader(value: string, call: WholeCall): void {
  begun.set(value, call)
}

/** Takes back what {@link claimHeader} said. */
export function releaseHeader(value: string, call: WholeCall): void {
  if (begun.get(value) === call) begun.delete(value)
}

function begunBy({ headers, path }: UndiciRequest): WholeCall | undefined {
  // Our headers are the last ones, as a rule.
  for (let i = headers.length - 1; i > 0; i -= 2) {
    const call = begun.get(headers[i]!)
    if (call !== undefined) return call
  }
  return begun.get(path)
}

function created({ request }: Message): void {
  if (request[CALL] !== undefined) return
  if (begun.size > 0) {
    const whole = (request[PART_OF] = begunBy(request))
    if (whole !== undefined) return whole.answered(undefined)
  }
  const caller = calls.installed ? callerOf(request) : undefined
  if (caller === undefined) begin(request)
  else caller.runInAsyncScope(begin, undefined, request)
}

/*
 * Up to version 7 a pool whose connections are all busy makes the request later, in the scope of the call that
 * gave one back. The handler of `request`, `stream`, `pipeline` and the like remembers its caller's scope; that
 * of `fetch` and of a bare `dispatch` does not.
 */
function callerOf(request: object): AsyncResource | undefined {
  if (handlerKey === undefined || !(handlerKey in request)) {
    const keys = Object.getOwnPropertySymbols(request)
    handlerKey = keys.find((key) => (request as { [key]: unknown })[key] instanceof AsyncResource)
    if (handlerKey === undefined) return undefined
  }
  const handler = (request as { [key: symbol]: unknown })[handlerKey]
  return handler instanceof AsyncResource ? handler : undefined
}

/**
 * Where this copy of undici keeps a request's handler: to look for it anew takes as long as the rest of a call's start.
 */
let handlerKey: symbol | undefined

function begin(request: UndiciRequest): void {
  // The headers of a CONNECT are for the proxy; the call that goes through the tunnel comes by itself.
  if (request.method === 'CONNECT') return
  const client = calls.here()
  if (client === undefined || client.tracing.dataManager.suppressed) return
  const signed = dropHeaders(request, client)
  const span = client.start(request, request, signed ? unless(signed, addHeader) : addHeader)
  if (span?.recording) request[CALL] = new UndiciCall(client, request, span)
}

function addHeader(request: UndiciRequest, name: string, value: string): void {
  // Trace headers of the caller's own are gone already; a baggage field of this name may be there.
  const { headers } = request
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (headers[i]!.length === name.length && headers[i]!.toLowerCase() === name.toLowerCase()) {
      headers.splice(i, 2)
    }
  }
  request.addHeader(name, value)
}

/** Drops the caller's trace headers, except those that a signature covers. Returns the names that it covers. */
function dropHeaders(
  { headers, path }: UndiciRequest,
  { keys, names }: TracedClient<UndiciRequest>,
): ReadonlySet<string> | undefined {
  let signed: ReadonlySet<string> | undefined
  let asked = false
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i]!.toLowerCase()
    if (!names.has(name)) continue
    if (!asked) signed = signedHeaders(entriesOf(headers), path)
    asked = true
    if (keys.has(name) && !signed?.has(name)) headers.splice(i, 2)
  }
  return signed
}

const BLANK = 32

function sent({ request, socket, headers }: Message & { socket: Socket; headers: string }): void {
  const call = request[CALL]
  if (call === undefined) return request[PART_OF]?.remote(socket)
  call.remote(socket)
  // HTTP/2 has header lines only.
  const { method } = request
  if (headers.charCodeAt(method.length) === BLANK && headers.startsWith(method)) call.socket = socket
}

function headersCame({ request, response }: Message & { response: { statusCode: number } }): void {
  request[CALL]?.headers(response.statusCode)
  request[PART_OF]?.answered(response.statusCode)
}

function bodyCame({ request }: Message): void {
  request[CALL]?.end()
}

function errorCame({ request, error }: Message & { error: unknown }): void {
  const call = request[CALL]
  if (call === undefined) return
  if (isGivenUp(call.socket, error)) call.abandoned(error)
  else call.end(error)
}

/**
 * Whether it was the caller who ended the request. Undici says so of neither; but when the caller does, a connection of
 * HTTP/1 is closed only after this, and in all other cases it is closed already. In HTTP/2 it is shared and stays, so
 * there the error tells: undici's, Node's or the system's own ones are no caller's.
 */
function isGivenUp(socket: Socket | undefined, error: unknown): boolean {
  if (socket !== undefined) return !socket.destroyed
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown }
  if (syscall !== undefined) return false
  return typeof code !== 'string' || code === 'UND_ERR_ABORTED' || !/^(?:UND_ERR|ERR_HTTP2)_/.test(code)
}

const follow = installOnce(() =>
  uninstallAll([
    listenAsOne('undici:request:create', 'undici', created),
    listenAsOne('undici:client:sendHeaders', 'undici', sent),
    listenAsOne('undici:request:headers', 'undici', headersCame),
    listenAsOne('undici:request:trailers', 'undici', bodyCame),
    listenAsOne('undici:request:error', 'undici', errorCame),
  ]),
)
