import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import type { Extracted } from '../../propagation/propagation.ts'
import { READS_FRAMES } from '../../propagation/thrift-field.ts'
import { openSpansOf, type Ageing, type Open, type OpenSpans } from '../protocols/open-spans.ts'
import { RpcHandler } from '../protocols/rpc.ts'
import { answersNobody } from './oneway.ts'
import { ONEWAY, type MessageBegin, type ThriftProtocol } from './protocol.ts'

type ProcessMethod = (this: never, ...args: never[]) => unknown

/** The methods that a processor has: a span is not named by whatever name a stranger sends. */
export interface KnownMethods {
  /** The service that a message's name belongs to; undefined where it names none. */
  serviceOf(name: string): string | undefined
  /** The method that the compiler has made: it reads the arguments and writes the answer. */
  methodOf(name: string): ProcessMethod | undefined
}

/** A call that a server reads and answers. Its span begins when its arguments have been read. */
export class ThriftServerCall implements Ageing {
  readonly tracing: ServiceTracing
  readonly #known: KnownMethods
  #begun: MessageBegin | undefined
  #method: ProcessMethod | undefined
  #frame: Extracted | undefined
  #fields: ReadonlyMap<string, string> | undefined
  /** Whether a frame goes before the reply: one came before the call, or the caller says that it reads frames. */
  #framed = false
  #span: ServiceSpan | undefined
  /** Whether the span is that of the HTTP request that brought the message, which ends by itself. */
  #adopted = false
  #error: { readonly name: string; readonly declared: boolean } | undefined
  #open: Open | undefined
  /** How deep in structs the reader is. */
  depth = 0

  constructor(tracing: ServiceTracing, known: KnownMethods) {
    this.tracing = tracing
    this.#known = known
  }

  get span(): ServiceSpan | undefined {
    return this.#span
  }

  get place(): string {
    return 'thrift server'
  }

  /** Whether nobody answers the call. */
  get isOneway(): boolean {
    if (this.#begun?.mtype === ONEWAY) return true
    return this.#method !== undefined && answersNobody(this.#method)
  }

  get framed(): boolean {
    return this.#framed
  }

  cameWith(frame: Extracted | undefined): void {
    this.#frame = frame
    this.#framed = true
  }

  named(begun: MessageBegin): void {
    this.#begun = begun
  }

  fieldCame(fields: ReadonlyMap<string, string> | undefined): void {
    this.#fields ??= fields
  }

  /** Begins the span: the arguments are read, so the message is whole. However the bytes arrive this happens once. */
  begin(input: ThriftProtocol): void {
    if (this.#span !== undefined || this.#begun === undefined) return
    const { dataManager } = this.tracing
    const name = String(this.#begun.fname)
    this.#method = this.#known.methodOf(name)
    const method = this.#method ? name.slice(name.indexOf(':') + 1) : 'unknown_method'
    const request = { service: this.#known.serviceOf(name), method }
    const { handler, open } = callsOf(this.tracing)
    const current = dataManager.current
    if (this.#fields?.has(READS_FRAMES)) this.#framed = true
    if (current?.recording && current.kind === 'SERVER') {
      this.#adopted = true
      this.#span = handler.describe(current, request)
    } else {
      this.#span = handler.receive(request, this.#extract(input) ?? denied(current))
      if (this.#span.recording) this.#open = open.add(this)
    }
  }

  /** The call has failed. Only the first failure counts. */
  failed(name: string, declared: boolean): void {
    this.#error ??= { name, declared }
  }

  /** Ends the call: the answer is written, or there will be none. */
  finish(): void {
    const span = this.#span
    if (span === undefined) return
    if (this.#error) {
      span.tag('thrift.exception', this.#error.declared ? 'declared' : 'undeclared')
      span.error(this.#error.name)
    }
    if (this.#adopted) return
    span.finish()
    this.#open?.close()
  }

  isAlive(): boolean {
    return false
  }

  /** Ends the call: nobody knows whether the handler still works. */
  outlived(): void {
    this.finish()
  }

  /** What the caller says of its trace: in the frame, else in the field, else in THeader's headers. */
  #extract({ trans }: ThriftProtocol): Extracted | undefined {
    if (this.#frame !== undefined) return this.#frame
    const { propagation } = this.tracing
    const found = this.#fields && propagation.extract(this.#fields, (fields, name) => fields.get(name))
    if (found?.context !== undefined) return found
    const headers = trans.getReadHeaders?.()
    if (typeof headers !== 'object' || headers === null) return found
    const told = propagation.extract(headers, (of, name) => {
      const value = of[name]
      return typeof value === 'string' ? value : undefined
    })
    return told ?? found
  }
}

/** What serves the calls of one tracing. */
interface ThriftServerCalls {
  readonly handler: RpcHandler
  readonly open: OpenSpans
}

const served = new WeakMap<ServiceTracing, ThriftServerCalls>()

function callsOf(tracing: ServiceTracing): ThriftServerCalls {
  let calls = served.get(tracing)
  if (calls === undefined) {
    const open = openSpansOf(tracing, tracing.thrift.maxSpanAgeMs)
    served.set(tracing, (calls = { handler: new RpcHandler(tracing, 'thrift'), open }))
  }
  return calls
}

/** A decision not to record: where the HTTP request that brought the call is not recorded, the call is not either. */
function denied(current: ServiceSpan | undefined): Extracted | undefined {
  if (current?.context.sampled !== false) return undefined
  return { context: current.context, sampled: false, debug: false, joinable: false, extra: undefined }
}
