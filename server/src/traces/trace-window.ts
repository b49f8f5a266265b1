import type { ZipkinSpan } from '../../../src/codec/zipkin-span.ts'
import { heldBytes, TRACE_BYTES } from './held-bytes.ts'
import { OpenTrace } from './open-trace.ts'

/**
 * Why a trace was let out: `complete`; `overdue`, something is missing and it waited long enough; `evicted`, to keep
 * memory bounded; `late`, spans that came after their trace was let out; `closed`, because the window was.
 */
export type TraceEnd = 'complete' | 'overdue' | 'evicted' | 'late' | 'closed'

export interface TraceWindowOptions {
  /** Receives the spans of each trace, unmerged. */
  onTrace: (spans: ZipkinSpan[], end: TraceEnd) => void
  /** How long nothing must have come before a trace counts as complete, in milliseconds. Default 1000. */
  settleMs?: number | undefined
  /** How long nothing must have come while a call has only one of its halves, in milliseconds. Default three times `settleMs`. */
  callWaitMs?: number | undefined
  /** How long an incomplete trace is waited for, from its first span, in milliseconds. Default 30 s. */
  maxAgeMs?: number | undefined
  /** The most spans held. Above it, the trace whose last span is oldest is let out first. Default 100 000. */
  maxSpans?: number | undefined
  /** The most bytes of memory that the spans held may take, about. Default 128 MiB. */
  maxBytes?: number | undefined
  /** The time in milliseconds, which never runs backwards; default `performance.now`. */
  now?: (() => number) | undefined
}

/** What a window counts. */
export interface TraceWindowStats {
  /** Traces let out, by why. */
  ends: Record<TraceEnd, number>
  /** Traces and spans held now, and about how many bytes of memory they take. */
  traces: number
  spans: number
  bytes: number
  /** Spans delivered again after their trace was let out, and dropped. */
  duplicates: number
}

/**
 * Holds spans by trace until the trace is complete: its root is here, so is every span named as a parent, and
 * nothing came for the settle time. A call whose other half has not come is given longer, because that may be on its
 * way from another process, or never be reported. Call `sweep` every now and then.
 */
export class TraceWindow {
  readonly #options: TraceWindowOptions
  readonly #settleMs: number
  readonly #callWaitMs: number
  readonly #maxAgeMs: number
  readonly #maxSpans: number
  readonly #maxBytes: number
  readonly #now: () => number
  readonly #open = new Map<string, OpenTrace>()
  /** The spans of traces that were let out lately, to know late ones and duplicates. */
  readonly #done = new Map<string, Set<string>>()
  #doneSpans = 0
  #spans = 0
  #bytes = 0
  #duplicates = 0
  readonly #ends: Record<TraceEnd, number> = { complete: 0, overdue: 0, evicted: 0, late: 0, closed: 0 }

  constructor(options: TraceWindowOptions) {
    this.#options = options
    this.#settleMs = options.settleMs ?? 1000
    this.#callWaitMs = options.callWaitMs ?? 3 * this.#settleMs
    this.#maxAgeMs = options.maxAgeMs ?? 30_000
    this.#maxSpans = options.maxSpans ?? 100_000
    this.#maxBytes = options.maxBytes ?? 128 << 20
    this.#now = options.now ?? (() => performance.now())
  }

  stats(): TraceWindowStats {
    return {
      ends: { ...this.#ends },
      traces: this.#open.size,
      spans: this.#spans,
      bytes: this.#bytes,
      duplicates: this.#duplicates,
    }
  }

  add(spans: readonly ZipkinSpan[]): void {
    const now = this.#now()
    for (const span of spans) {
      this.#addOne(span, now)
      while (this.#spans > this.#maxSpans || this.#bytes > this.#maxBytes) {
        const [key, trace] = this.#open.entries().next().value!
        this.#letOut(key, trace, 'evicted')
      }
    }
  }

  /** Lets out what is complete or overdue. */
  sweep(): void {
    const now = this.#now()
    for (const [key, trace] of this.#open) {
      const end = this.#endOf(key, trace, now)
      if (end) this.#letOut(key, trace, end)
    }
  }

  /** Lets out everything, complete or not. */
  close(): void {
    for (const [key, trace] of this.#open) this.#letOut(key, trace, trace.missing ? 'closed' : 'complete')
  }

  #addOne(span: ZipkinSpan, now: number): void {
    // The last 64 bits: one service may report the whole ID, another only its lower half.
    const key = span.traceId.slice(-16)
    if (this.#done.get(key)?.has(spanKey(span))) {
      this.#duplicates++
      return
    }
    const known = this.#open.get(key)
    const trace = known ?? new OpenTrace(now)
    const bytes = heldBytes(span) + (known ? 0 : TRACE_BYTES)
    trace.add(span, now, bytes)
    this.#open.delete(key)
    this.#open.set(key, trace)
    this.#spans++
    this.#bytes += bytes
  }

  #endOf(key: string, trace: OpenTrace, now: number): TraceEnd | undefined {
    const quiet = now - trace.lastAt
    if (quiet >= this.#settleMs) {
      if (this.#done.has(key)) return 'late'
      if (!trace.missing && (!trace.hasOpenCalls || quiet >= this.#callWaitMs)) return 'complete'
    }
    return now - trace.firstAt >= this.#maxAgeMs ? 'overdue' : undefined
  }

  #letOut(key: string, trace: OpenTrace, end: TraceEnd): void {
    this.#open.delete(key)
    this.#spans -= trace.spans.length
    this.#bytes -= trace.bytes
    this.#ends[end]++
    this.#remember(key, trace)
    this.#options.onTrace(trace.spans, end)
  }

  #remember(key: string, trace: OpenTrace): void {
    const seen = this.#done.get(key) ?? new Set()
    this.#doneSpans -= seen.size
    for (const span of trace.spans) seen.add(spanKey(span))
    this.#doneSpans += seen.size
    this.#done.delete(key)
    this.#done.set(key, seen)
    while (this.#doneSpans > this.#maxSpans) {
      const [oldest, spans] = this.#done.entries().next().value!
      this.#done.delete(oldest)
      this.#doneSpans -= spans.size
    }
  }
}

function spanKey(span: ZipkinSpan): string {
  return `${span.id} ${span.kind ?? ''} ${span.timestamp ?? ''}`
}
