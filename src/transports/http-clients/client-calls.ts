import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Socket } from 'node:net'
import { handle, hold, newest, release, thing, type Held } from '../../host/held.ts'
import { processState, sharedList } from '../../host/process-state.ts'
import type { Setter } from '../../propagation/propagation.ts'
import type { Span } from '../../span/span.ts'
import type { Tracing } from '../../tracing/tracing.ts'
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
const scope = processState.explicit as AsyncLocalStorage<Held<Tracing>>

/** As `Reflect.apply`; the calls that `fn` makes through node:http and undici are traced by `tracing`. */
export function callsTracedBy<T>(
  tracing: Tracing,
  fn: (this: never, ...args: never[]) => T,
  self: unknown,
  args: readonly unknown[],
): T {
  let held: Held<Tracing> | undefined
  try {
    held = handleOf(tracing)
  } catch (error) {
    tracing.failed('http client', error)
  }
  if (held === undefined) return Reflect.apply(fn, self, args as never[])
  return scope.run(held, Reflect.apply, fn, self, args) as T
}

const handles = new WeakMap<Tracing, Held<Tracing>>()

function handleOf(tracing: Tracing): Held<Tracing> {
  let held = handles.get(tracing)
  if (held === undefined) handles.set(tracing, (held = handle(tracing, Symbol('explicit'))))
  return held
}

/** The calls of one client library: who traces them. */
export class ClientCalls<Request> {
  readonly #reader: HttpReader<Request>
  readonly #clients = new WeakMap<Tracing, TracedClient<Request>>()
  readonly #installed: Held<Tracing>[]

  /** `module` is the library's name. */
  constructor(module: string, reader: HttpReader<Request>) {
    this.#reader = reader
    this.#installed = sharedList(`installed ${module}`)
  }

  /** What traces a call that is made here: the explicit way's, else the drop-in's installed last, else nothing. */
  here(): TracedClient<Request> | undefined {
    const explicit = scope.getStore()
    const tracing = explicit ? thing(explicit) : newest(this.#installed)
    return tracing && this.of(tracing)
  }

  /** Whether calls are traced that no explicit way has asked for. */
  get installed(): boolean {
    return newest(this.#installed) !== undefined
  }

  /** What traces a call by this tracing. */
  of(tracing: Tracing): TracedClient<Request> {
    let client = this.#clients.get(tracing)
    if (client === undefined) this.#clients.set(tracing, (client = new TracedClient(tracing, this.#reader)))
    return client
  }

  /** Has every call traced that is not traced explicitly. */
  install(tracing: Tracing): Uninstall {
    const id = hold(this.#installed, tracing)
    return () => release(this.#installed, id)
  }
}

/** Starts and ends the spans of one library's calls for one tracing. */
export class TracedClient<Request> {
  readonly tracing: Tracing
  /** The names of all trace headers, in lower case: the caller's own by these names give way to ours. */
  readonly keys: ReadonlySet<string>
  /** These, and the names of the baggage fields: what a call may be given. */
  readonly names: ReadonlySet<string>
  readonly open: OpenSpans
  readonly #handler: HttpClientHandler<Request>

  constructor(tracing: Tracing, reader: HttpReader<Request>) {
    this.tracing = tracing
    this.open = openSpansOf(tracing)
    this.keys = new Set(tracing.propagation.keys)
    this.names = new Set([...this.keys, ...tracing.baggage.map((field) => field.toLowerCase())])
    this.#handler = new HttpClientHandler(tracing, reader)
  }

  /** The span of a call about to be made, if it is to be traced; its context is written to `carrier`. */
  start<Carrier>(request: Request, carrier: Carrier, set: Setter<Carrier>): Span | undefined {
    return this.#handler.start(request, carrier, set)
  }

  /** The end of a call: its status, or the lack of one, and its error. */
  end(span: Span, request: Request, status: number | undefined, error: unknown): void {
    this.#handler.receive(span, request, status, error)
  }
}

/** What a request of node:http's, or one of undici's, says of itself. */
interface OfLibrary {
  readonly destroyed?: boolean
  readonly completed?: boolean
  readonly aborted?: boolean
}

/**
 * A recorded call that is under way. By one rule for all libraries its span ends when the response's body has
 * come in, or when the call has failed or been given up: as long as the call holds its connection. An answer
 * whose body nobody waits for, a redirect, ends it with its headers, so that what follows comes after it. It is
 * told by the library's own events, so nothing here throws.
 */
export class Call<Request> implements Ageing {
  readonly span: Span
  readonly #client: TracedClient<Request>
  readonly #request: Request & OfLibrary
  readonly #open: Open | undefined
  #socket: Socket | undefined
  #status: number | undefined
  #ended = false

  constructor(client: TracedClient<Request>, request: Request, span: Span) {
    this.span = span
    this.#client = client
    this.#request = request as Request & OfLibrary
    this.#socket = undefined
    this.#open = client.open.add(this)
  }

  get place(): string {
    return 'http client'
  }

  /** However slow it is: as long as its library has not done with it, and its connection is open. */
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

  /** The connection, once there is one: its other end is the span's. */
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
   * The caller has given the call up, with what it gave for a reason. Before the headers that is an error; after them
   * only if the reason is that the body can't be read.
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
   * The body has come in, or never will. Only the first end counts. `status` is that of the response that the error
   * was made of, where its headers were not shown.
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

/** Whether it is what zlib says of bytes that it can't unpack, by which `fetch` itself gives a call up. */
function isBrokenCoding(reason: unknown): boolean {
  const { code } = (reason ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^(?:Z_|ERR__ERROR_|ZSTD_error_)/.test(code)
}
