import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import { onNextTick } from '../../host/timers.ts'
import { openSpansOf, type Ageing, type Open, type OpenSpans } from '../protocols/open-spans.ts'

/** How we learn of the answer: by the client's callback, by the message itself, or not at all, where nobody answers. */
type Answer = 'callback' | 'message' | 'none'

/** A call whose answer is waited for. */
export class ThriftCall implements Ageing {
  readonly span: ServiceSpan
  readonly seqid: number
  /** Whether the call has gone out; else it waits until there is a connection. */
  sent: boolean
  readonly answer: Answer
  /** Makes the call itself fail, as npm's thrift never does; undefined where it is not to fail. */
  fail: ((error: unknown) => void) | undefined
  /** Its place among the open calls of all connections, until it ends. */
  open: Open | undefined
  readonly #calls: ThriftCalls

  constructor(calls: ThriftCalls, span: ServiceSpan, seqid: number, sent: boolean, answer: Answer) {
    this.span = span
    this.seqid = seqid
    this.sent = sent
    this.answer = answer
    this.fail = undefined
    this.open = undefined
    this.#calls = calls
  }

  get place(): string {
    return 'thrift client'
  }

  isAlive(): boolean {
    return false
  }

  outlived(): void {
    this.#calls.outlived(this)
  }
}

/**
 * The calls of one connection that have no answer yet. When the connection goes, npm's thrift lets them wait for ever;
 * their spans end here.
 */
export class ThriftCalls {
  readonly #failPending: boolean
  readonly #waiting = new Map<number, ThriftCall>()
  readonly #open: OpenSpans

  constructor(tracing: ServiceTracing, maxAgeMs: number, failPending: boolean) {
    this.#failPending = failPending
    this.#open = openSpansOf(tracing, maxAgeMs)
  }

  add(call: ThriftCall): void {
    // A client that numbers its calls from the start again has given up the call with this number.
    const before = this.#waiting.get(call.seqid)
    if (before) this.ended(before, new Error('no response'))
    const { recording } = call.span
    if (recording || this.#failPending) this.#waiting.set(call.seqid, call)
    if (recording) call.open = this.#open.add(call)
  }

  /** The answer is here. Only the first end of a call counts. */
  answered(call: ThriftCall, error?: unknown): void {
    this.#drop(call)
    if (error !== undefined && error !== null) {
      call.span.tag('thrift.exception', isDeclared(error) ? 'declared' : 'undeclared')
      call.span.error(error)
    }
    call.span.finish()
  }

  /** No answer will come: ends the span with this error, which is no exception of the server's. */
  ended(call: ThriftCall, error: unknown): void {
    this.#drop(call)
    call.span.error(error).finish()
  }

  /** No answer has come in time: ends the span. With `failPending` the call stays, to fail when the connection goes. */
  outlived(call: ThriftCall): void {
    if (!this.#failPending) this.#drop(call)
    call.span.error(new Error('no response')).finish()
  }

  /** Whether the call with this number ends when its message comes, and not by a callback. */
  isReplied(seqid: number): boolean {
    return this.#waiting.get(seqid)?.answer === 'message'
  }

  /** The reply to the call with this number has come, with an exception or without. */
  replied(seqid: number, thrown: 'declared' | 'undeclared' | undefined): void {
    const call = this.#waiting.get(seqid)
    if (call?.answer !== 'message') return
    if (thrown) call.span.tag('thrift.exception', thrown).error('exception')
    this.answered(call)
  }

  /** The connection will bring no answer to this call: ends its span, and with `failPending` makes it fail. */
  failed(call: ThriftCall, error: unknown): void {
    this.ended(call, error)
    // By itself, for what a callback throws is the user's, and other calls are to fail as well.
    if (this.#failPending && call.fail) onNextTick(call.fail, error)
  }

  /** The connection is lost: no answer will come to the calls that went out or, with `unsentToo`, to any call. */
  lost(error: unknown, unsentToo: boolean): void {
    for (const call of this.#waiting.values()) if (call.sent || unsentToo) this.failed(call, error)
  }

  /** The connection is there: all calls that waited for it have gone out. */
  connected(): void {
    for (const call of this.#waiting.values()) call.sent = true
  }

  /** The call that this span belongs to; undefined when it waits for no answer. */
  of(span: ServiceSpan | undefined): ThriftCall | undefined {
    for (const call of this.#waiting.values()) if (call.span === span) return call
    return undefined
  }

  #drop(call: ThriftCall): void {
    call.open?.close()
    if (this.#waiting.get(call.seqid) === call) this.#waiting.delete(call.seqid)
  }
}

/** Whether an exception is one that the interface declares, and not Thrift's own for what went wrong beside it. */
function isDeclared(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as Error).name !== 'TApplicationException'
}
