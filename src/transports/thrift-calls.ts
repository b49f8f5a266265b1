import { monotonicMs } from '../clock.ts'
import type { Span } from '../span.ts'
import { onNextTick, startTimer } from '../timers.ts'
import type { Tracing } from '../tracing.ts'

/** A call whose answer is waited for. */
export interface ThriftCall {
  readonly span: Span
  readonly seqid: number
  /** In monotonic milliseconds. */
  readonly at: number
  /** Whether it went out at once; else it waits until the connection is there. */
  sent: boolean
  /** What tells that the answer is here: the client's callback, the message itself, or nothing, for nobody answers. */
  readonly answer: 'callback' | 'message' | 'none'
  /** Makes the call itself fail, as npm's thrift never does. */
  fail?: (error: unknown) => void
}

/**
 * The calls of one connection that have no answer yet. npm's thrift forgets none: when the connection goes, they wait for
 * ever. Their spans do not.
 */
export class ThriftCalls {
  readonly #tracing: Tracing
  readonly #maxAgeMs: number
  readonly #failPending: boolean
  readonly #open = new Map<number, ThriftCall>()
  #timer: NodeJS.Timeout | undefined

  constructor(tracing: Tracing, maxAgeMs: number, failPending: boolean) {
    this.#tracing = tracing
    this.#maxAgeMs = maxAgeMs
    this.#failPending = failPending
  }

  add(call: ThriftCall): void {
    // A client that counts anew has forgotten the call that had this number.
    const before = this.#open.get(call.seqid)
    if (before) this.ended(before, new Error('no response'))
    this.#open.set(call.seqid, call)
    if (this.#timer === undefined) this.#wakeIn(this.#maxAgeMs)
  }

  /** The answer is here; only the first end counts. */
  answered(call: ThriftCall, error?: unknown): void {
    this.#forget(call)
    if (error !== undefined && error !== null) {
      call.span.tag('thrift.exception', isDeclared(error) ? 'declared' : 'undeclared')
      call.span.error(error)
    }
    call.span.finish()
  }

  /** No answer will come: nobody has thrown an exception. */
  ended(call: ThriftCall, error: unknown): void {
    this.#forget(call)
    call.span.error(error).finish()
  }

  /** Whether it is the message itself that answers this call. */
  isReplied(seqid: number): boolean {
    return this.#open.get(seqid)?.answer === 'message'
  }

  /** A message with this number has come, and with it an exception or none. */
  replied(seqid: number, thrown: 'declared' | 'undeclared' | undefined): void {
    const call = this.#open.get(seqid)
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
    for (const call of this.#open.values()) if (call.sent || unsentToo) this.failed(call, error)
  }

  /** What waited for the connection has gone out. */
  connected(): void {
    for (const call of this.#open.values()) call.sent = true
  }

  /** The call that this span is of. */
  of(span: Span | undefined): ThriftCall | undefined {
    for (const call of this.#open.values()) if (call.span === span) return call
    return undefined
  }

  #forget(call: ThriftCall): void {
    if (this.#open.get(call.seqid) === call) this.#open.delete(call.seqid)
  }

  #wakeIn(ms: number): void {
    // Armed outside any trace: it would keep the first caller's scope.
    this.#timer = this.#tracing.dataManager.untraced(() => startTimer(() => this.#sweep(), ms))
    this.#timer.unref()
  }

  #sweep(): void {
    try {
      this.#timer = undefined
      const now = monotonicMs()
      for (const call of this.#open.values()) {
        // In the order in which they were made.
        const left = call.at + this.#maxAgeMs - now
        if (left > 0) return this.#wakeIn(left)
        this.ended(call, new Error('no response'))
      }
    } catch (error) {
      this.#tracing.failed('thrift client', error)
    }
  }
}

/** An exception of the interface's own, rather than Thrift's for what went wrong beside it. */
function isDeclared(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as Error).name !== 'TApplicationException'
}
