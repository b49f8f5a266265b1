import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Socket } from 'node:net'
import { handle, hold, newest, release, thing, type Held } from '../../host/held.ts'
import { processState, sharedList } from '../../host/process-state.ts'
import type { Setter } from '../../propagation/propagation.ts'
import { endpoint } from '../protocols/endpoint.ts'
import { ABANDONED, HttpClientHandler, type HttpReader } from '../protocols/http.ts'
import { showAsOneWord } from '../hooks/inspected.ts'
import { openSpansOf, type Ageing, type Open, type OpenSpans } from '../protocols/open-spans.ts'
import type { Uninstall } from '../../host/patch.ts'

/*
 * A client such as axios or fetch stands on a lower one, which makes one request for each redirect and knows the
 * socket. So the explicit way of the upper one is to turn on the lower one's tracing for the calls that it
 * makes, and only one of the two ever makes spans.
 */
const scope = processState.explicit as AsyncLocalStorage<Held<ServiceTracing>>

/** As `Reflect.apply`; the calls that `fn` makes through node:http and undici are traced by `tracing`. */
export function callsTracedBy<T>(
  tracing: ServiceTracing,
  fn: (this: never, ...args: never[]) => T,
  self: unknown,
  args: readonly unknown[],
): T {
  let held: Held<ServiceTracing> | undefined
  try {
    held = handleOf(tracing)
  } catch (error) {
    tracing.failed('http client', error)
  }
  if (held === undefined) return Reflect.apply(fn, self, args as never[])
  return scope.run(held, Reflect.apply, fn, self, args) as T
}

const handles = new WeakMap<ServiceTracing, Held<ServiceTracing>>()

function handleOf(tracing: ServiceTracing): Held<ServiceTracing> {
  let held = handles.get(tracing)
  if (held === undefined) handles.set(tracing, (held = handle(tracing, Symbol('explicit'))))
  return held
}

/** Who traces the calls of one client library. */
export class ClientCalls<Request> {
  readonly #reader: HttpReader<Request>
  readonly #clients = new WeakMap<ServiceTracing, TracedClient<Request>>()
  readonly #installed: Held<ServiceTracing>[]

  /** `module` is the library's name. */
  constructor(module: string, reader: HttpReader<Request>) {
    this.#reader = reader
    this.#installed = sharedList(`installed ${module}`)
  }

  /**
   * What traces a call that is made here: what the explicit way has set, else the drop-in installed last, else nothing.
   */
  here(): TracedClient<Request> | undefined {
    const explicit = scope.getStore()
    const tracing = explicit ? thing(explicit) : newest(this.#installed)
    return tracing && this.of(tracing)
  }

  /** Whether all calls are traced: a drop-in is installed. */
  get installed(): boolean {
    return newest(this.#installed) !== undefined
  }

  /** What traces calls for this tracing. */
  of(tracing: ServiceTracing): TracedClient<Request> {
    let client = this.#clients.get(tracing)
    if (client === undefined) this.#clients.set(tracing, (client = new TracedClient(tracing, this.#reader)))
    return client
  }

  /** Has every call traced that is not traced explicitly. */
  install(tracing: ServiceTracing): Uninstall {
    const id = hold(this.#installed, tracing)
    return () => release(this.#installed, id)
  }
}

/** Starts and ends the spans of one library's calls for one tracing. */
export class TracedClient<Request> {
  readonly tracing: ServiceTracing
  /** The names of all trace headers, in lower case. The caller's own headers by these names give way to ours. */
  readonly keys: ReadonlySet<string>
  /** The names of all headers that a call may be given: the trace headers and the baggage fields, in lower case. */
  readonly names: ReadonlySet<string>
  readonly open: OpenSpans
  readonly #handler: HttpClientHandler<Request>

  constructor(tracing: ServiceTracing, reader: HttpReader<Request>) {
    this.tracing = tracing
    this.open = openSpansOf(tracing)
    this.keys = new Set(tracing.propagation.keys)
    this.names = new Set([...this.keys, ...tracing.baggage.map((field) => field.toLowerCase())])
    this.#handler = new HttpClientHandler(tracing, reader)
  }

  /** The span of a call about to be made, if it is to be traced; its context is written to `carrier`. */
  start<Carrier>(request: Request, carrier: Carrier, set: Setter<Carrier>): ServiceSpan | undefined {
    return this.#handler.start(request, carrier, set)
  }

  /** The end of a call: its status, or the lack of one, and its error. */
  end(span: ServiceSpan, request: Request, status: number | undefined, error: unknown): void {
    this.#handler.receive(span, request, status, error)
  }
}

/** What a request of node:http's or of undici's says of its end. */
interface OfLibrary {
  readonly destroyed?: boolean
  readonly completed?: boolean
  readonly aborted?: boolean
}

/**
 * A recorded call that is under way. One rule holds for all libraries: its span ends when the body of the response has
 * come in, or when the call has failed or been given up. So it lasts as long as the call holds its connection. A
 * redirect, whose body nobody waits for, ends it with its headers, so that the next call comes after it. The library's
 * own events call these methods, so none of them throws.
 */
export class Call<Request> implements Ageing {
  readonly span: ServiceSpan
  readonly #client: TracedClient<Request>
  readonly #request: Request & OfLibrary
  readonly #open: Open | undefined
  #socket: Socket | undefined
  #status: number | undefined
  #ended = false

  constructor(client: TracedClient<Request>, request: Request, span: ServiceSpan) {
    this.span = span
    this.#client = client
    this.#request = request as Request & OfLibrary
    this.#socket = undefined
    this.#open = client.open.add(this)
  }

  get place(): string {
    return 'http client'
  }

  /** Whether it will still end, however slow it is: its library is not done with it, and its connection is open. */
  isAlive(): boolean {
    const { destroyed, completed, aborted } = this.#request
    if (destroyed || completed || aborted || this.#socket?.destroyed) return false
    return destroyed === false || completed === false || this.#socket !== undefined
  }

  outlived(): void {
    this.end()
  }

  get status(): number | undefined {
    return this.#status
  }

  /** Is told the connection, once there is one: its other end is the span's remote endpoint. */
  remote(socket: Socket | null | undefined): void {
    try {
      const remote = endpoint(socket?.remoteAddress, socket?.remotePort)
      if (remote !== undefined) this.span.remote(remote)
      this.#socket = socket ?? undefined
    } catch (error) {
      this.#client.tracing.failed('http client', error)
    }
  }

  /** Headers have come. */
  headers(status: number): void {
    try {
      if (status < 200 && status !== 101) return
      this.#status = status
      if (status >= 300 && status < 400) this.end()
    } catch (error) {
      this.#client.tracing.failed('http client', error)
    }
  }

  /**
   * The caller has given up the call, for this reason. Before the headers have come that is an error; after them only
   * if the reason is that the body cannot be read.
   */
  abandoned(reason: unknown): void {
    try {
      if (this.#status === undefined || isBrokenCoding(reason)) return this.end(reason)
      if (this.#ended) return
      this.span.annotate(ABANDONED)
    } catch (error) {
      this.#client.tracing.failed('http client', error)
    }
    this.end()
  }

  /**
   * The body has come in, or never will. Only the first end counts. `status`: that of a response whose headers were not
   * shown, because the error was made of it.
   */
  end(error?: unknown, status?: number): void {
    try {
      if (this.#ended) return
      this.#ended = true
      this.#open?.close()
      this.#client.end(this.span, this.#request, this.#status ?? status, error)
    } catch (fault) {
      this.#client.tracing.failed('http client', fault)
    }
  }
}

showAsOneWord(Call)

/** A {@link Call}, whatever its library's requests are. */
export type OpenCall = Pick<Call<never>, 'status' | 'remote' | 'headers' | 'abandoned' | 'end'>

/** Whether the reason is an error of zlib's for bytes that it cannot unpack: then `fetch` itself gives up the call. */
function isBrokenCoding(reason: unknown): boolean {
  const { code } = (reason ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^(?:Z_|ERR__ERROR_|ZSTD_error_)/.test(code)
}
