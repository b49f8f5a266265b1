import { monotonicMs } from '../../host/clock.ts'
import type { QueuedRecord } from './bounded-queue.ts'
import { callsAreHeard, publishCall, type CallMessage } from '../channels.ts'
import { Histogram } from '../histogram.ts'
import type { CallEnd } from './send-call.ts'

/** A call of the sender that has not ended. */
export interface Call {
  readonly records: readonly QueuedRecord[]
  readonly bytes: number
  readonly startedAt: number
}

/** Measures records and the sender's calls. */
export class CallMetrics {
  /** How many spans a record holds. */
  readonly recordSpans: Histogram = new Histogram([1, 5, 10, 25, 50, 100, 250, 500])
  /** How many bytes a call holds. */
  readonly callBytes: Histogram = new Histogram([1, 4, 16, 64, 256, 1024].map((kib) => kib * 1024))
  /** How long a call took, in milliseconds. */
  readonly callMs: Histogram = new Histogram([5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000])
  readonly #calls = new Set<Call>()
  readonly #tell: ((call: CallMessage) => void) | undefined

  /** `tell`: takes each message instead of this thread's channel, to have another thread publish it. */
  constructor(tell?: (call: CallMessage) => void) {
    this.#tell = tell
  }

  /** A record was sealed. */
  sealed(spans: number): void {
    this.recordSpans.observe(spans)
  }

  started(records: readonly QueuedRecord[]): Call {
    let bytes = 0
    for (const record of records) bytes += record.bytes.byteLength
    const call: Call = { records, bytes, startedAt: monotonicMs() }
    this.#calls.add(call)
    this.callBytes.observe(bytes)
    return call
  }

  ended(call: Call, { fates, reason }: CallEnd): void {
    const durationMs = monotonicMs() - call.startedAt
    this.#calls.delete(call)
    this.callMs.observe(durationMs)
    if (this.#tell === undefined && !callsAreHeard()) return
    const { records, bytes } = call
    let spans = 0
    let sent = 0
    let again = 0
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      spans += record.spans
      if (fates[i] === 'sent') sent += record.spans
      else if (fates[i] !== 'rejected' && fates[i] !== 'in doubt') again += record.spans
    }
    const message = { records: records.length, spans, bytes, durationMs, sent, again, reason }
    if (this.#tell) this.#tell(message)
    else publishCall(message)
  }

  /** A call has ended in the worker. */
  endedElsewhere(call: CallMessage): void {
    this.callBytes.observe(call.bytes)
    this.callMs.observe(call.durationMs)
    if (callsAreHeard()) publishCall(call)
  }

  /** Forgets the calls in flight: their ends will not be told. */
  letGo(): void {
    this.#calls.clear()
  }

  /** When the oldest span in flight came, in monotonic milliseconds; infinite when there is none. */
  oldestInFlight(): number {
    let since = Infinity
    for (const { records } of this.#calls) {
      for (const record of records) since = Math.min(since, record.since)
    }
    return since
  }
}
