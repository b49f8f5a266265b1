import type { Span } from '../../span/span.ts'
import { onNextTick } from '../../host/timers.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import { openSpansOf, type Ageing, type Open, type OpenSpans } from '../protocols/open-spans.ts'

/** What tells that the answer is here: the client's callback, the message itself, or nothing, for nobody answers. */
type Answer = 'callback' | 'message' | 'none'

/** A call whose answer is waited for. */
export class ThriftCall implements Ageing {
  readonly span: Span
  readonly seqid: number
  /** Whether it went out at once; else it waits until the connection is there. */
  sent: boolean
  readonly answer: Answer
  /** Makes the call itself fail, as npm's thrift never does. */
  fail: ((error: unknown) => void) | undefined
  /** Among the calls of all connections, for as long as it is among those of its own. */
  open: Open | undefined
  readonly #calls: ThriftCalls

  constructor(calls: ThriftCalls, span: Span, seqid: number, sent: boolean, answer: Answer) {
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
 * The calls of one connection that have no answer yet. npm's thrift forgets none: when the connection goes, they wait for
 * ever. Their spans do not.
 */
export class ThriftCalls {
  readonly #failPending: boolean
  readonly #waiting = new Map<number, ThriftCall>()
  readonly #open: OpenSpans

  constructor(tracing: Tracing, maxAgeMs: number, failPending: boolean) {
    this.#failPending = failPending
    this.#open = openSpansOf(tracing, maxAgeMs)
  }

  add(call: ThriftCall): void {
    // A client that counts anew has forgotten the call that had this number.
    const before = this.#waiting.get(call.seqid)
    if (before) this.ended(before, new Error('no response'))
    const { recording } = call.span
    if (recording || this.#failPending) this.#waiting.set(call.seqid, call)
    if (recording) call.open = this.#open.add(call)
  }

  /** The answer is here; only the first end counts. */
  answered(call: ThriftCall, error?: unknown): void {
    this.#drop(call)
    if (error !== undefined && error !== null) {
      call.span.tag('thrift.exception', isDeclared(error) ? 'declared' : 'undeclared')
      call.span.error(error)
    }
    call.span.finish()
  }

  /** No answer will come: nobody has thrown an exception. */
  ended(call: ThriftCall, error: unknown): void {
    this.#drop(call)
    call.span.error(error).finish()
  }

  /** No answer has come. It may yet come, or the connection go, which is to make the call fail. */
  outlived(call: ThriftCall): void {
    if (!this.#failPending) this.#drop(call)
    call.span.error(new Error('no response')).finish()
  }

  /** Whether it is the message itself that answers this call. */
  isReplied(seqid: number): boolean {
    return this.#waiting.get(seqid)?.answer === 'message'
  }

  /** A message with this number has come, and with it an exception or none. */
  replied(seqid: number, thrown: 'declared' | 'undeclared' | undefined): void {
    const call = this.#waiting.get(seqid)
    if (call?.answer !== 'message') return
    if (thrown) call.span.tag('thrift.exception', thrown).error('exception')
    this.answered(call)
  }

  /** The connection will bring this call no answer. */
  failed(call: ThriftCall, error: unknown): void {
    this.ended(call, error)
    // By itself, for what a callback throws is the user's, and other calls are to fail as well.
    if (this.#failPending && call.fail) onNextTick(call.fail, error)
  }

  /** Nor any of those that went out (or, with `unsentToo`, any at all). */
  lost(error: unknown, unsentToo: boolean): void {
    for (const call of this.#waiting.values()) if (call.sent || unsentToo) this.failed(call, error)
  }

  /** What waited for the connection has gone out. */
  connected(): void {
    for (const call of this.#waiting.values()) call.sent = true
  }

  /** The call that this span is of. */
  of(span: Span | undefined): ThriftCall | undefined {
    for (const call of this.#waiting.values()) if (call.span === span) return call
    return undefined
  }

  #drop(call: ThriftCall): void {
    call.open?.close()
    if (this.#waiting.get(call.seqid) === call) this.#waiting.delete(call.seqid)
  }
}

/** An exception of the interface's own, rather than Thrift's for what went wrong beside it. */
function isDeclared(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as Error).name !== 'TApplicationException'
}
