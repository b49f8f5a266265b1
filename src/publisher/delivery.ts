import { performance } from 'node:perf_hooks'
import { describe, warn } from '../log.ts'
import { BoundedQueue, type QueuedRecord } from './bounded-queue.ts'
import { Breaker } from './breaker.ts'
import { CallMetrics } from './call-metrics.ts'
import { Flushes } from './flushes.ts'
import type { BreakerState, DropReason, Losses } from './metrics.ts'
import type { Settings } from './publisher-options.ts'
import { sendCall, type CallEnd } from './send-call.ts'
import type { Sender } from './sender.ts'

/** From sealed records to a sender: a few calls at a time, again what failed, and to each record its end. */
export class Delivery {
  readonly queue: BoundedQueue
  readonly flushes: Flushes = new Flushes()
  readonly metrics: CallMetrics = new CallMetrics()
  readonly #sender: Sender
  readonly #set: Settings
  readonly #losses: Losses
  readonly #wakeIn: (delayMs: number) => void
  readonly #breaker = new Breaker()
  #callsInFlight = 0
  #stopped = false

  sent = 0
  calls = 0
  failedCalls = 0
  retriedRecords = 0
  throttledRecords = 0

  /** `wakeIn` sees to it that `drain` is called after a delay. */
  constructor(sender: Sender, set: Settings, losses: Losses, wakeIn: (delayMs: number) => void) {
    this.queue = new BoundedQueue(set.maxSpans, set.maxBytes)
    this.#sender = sender
    this.#set = set
    this.#losses = losses
    this.#wakeIn = wakeIn
  }

  get breakerState(): BreakerState {
    if (this.#breaker.failures === 0) return 'closed'
    return this.#callsInFlight > 0 ? 'half-open' : 'open'
  }

  /** Takes a record; it is sent from a later `drain`. */
  push(record: QueuedRecord): void {
    this.queue.push(record)
    this.metrics.sealed(record.spans)
    this.#wakeIn(this.#breaker.waitMs(performance.now()))
  }

  /** Drops the record that waits longest; false when none waits. */
  dropOldest(): boolean {
    const record = this.queue.evict()
    if (record === undefined) return false
    this.#lose('full', record)
    return true
  }

  /** Starts as many calls as may be in flight. `atOnce`: does not wait for the breaker. */
  drain(atOnce: boolean = false): void {
    if (atOnce) this.#breaker.tryNow()
    while (!this.#stopped && this.queue.length > 0) {
      if (this.#callsInFlight >= this.#set.concurrency) return
      const now = performance.now()
      const waitMs = this.#breaker.waitMs(now)
      if (waitMs > 0) return this.#wakeIn(waitMs)
      const records = this.#take(now)
      if (records.length === 0) return
      this.#breaker.started(now)
      this.#call(records).catch((error: unknown) => {
        warn('publisher', `the publisher failed: ${describe(error)}`)
      })
    }
  }

  /** Counts what is left as lost. The ends of calls still in flight are ignored from here on. */
  stop(): void {
    this.#stopped = true
    const { waitingSpans, takenSpans } = this.queue
    this.queue.clear()
    this.metrics.forget()
    if (waitingSpans > 0) this.#losses.add('shutdown', waitingSpans)
    if (takenSpans > 0) this.#losses.add('inDoubt', takenSpans)
    this.flushes.end()
  }

  #take(now: number): QueuedRecord[] {
    const records: QueuedRecord[] = []
    let bytes = 0
    while (records.length < this.#set.maxRecords) {
      const record = this.queue.peek()
      if (record === undefined) break
      if (now - record.since > this.#set.maxAgeMs) {
        this.queue.evict()
        this.#lose('expired', record)
        continue
      }
      bytes += record.bytes.byteLength
      if (bytes > this.#set.maxCallBytes) break
      this.queue.take()
      records.push(record)
    }
    return records
  }

  async #call(records: readonly QueuedRecord[]): Promise<void> {
    const { failures } = this.#breaker
    this.calls++
    this.#callsInFlight++
    const call = this.metrics.started(records)
    const end = await sendCall(this.#sender, records, this.#set.callTimeoutMs)
    // What was in flight at the stop has been counted there.
    if (this.#stopped) return
    this.#callsInFlight--
    this.metrics.ended(call, end)
    this.#settle(records, end)
    this.#judge(end, failures)
    this.drain()
  }

  #settle(records: readonly QueuedRecord[], { fates, reason }: CallEnd): void {
    // From the last to the first, so that those put back stand at the head in their order.
    for (let i = records.length - 1; i >= 0; i--) {
      const record = records[i]!
      const fate = fates[i]!
      if (fate === 'failed' || fate === 'throttled') {
        this.queue.putBack(record)
        this.retriedRecords++
        if (fate === 'throttled') this.throttledRecords++
        continue
      }
      this.queue.release(record)
      if (fate === 'sent') {
        this.sent += record.spans
        this.flushes.gone(record.number)
      } else {
        this.#lose(fate === 'rejected' ? 'rejected' : 'inDoubt', record, reason)
      }
    }
  }

  /** What a call's end says of the collector. */
  #judge({ fates, reason }: CallEnd, failuresAtStart: number): void {
    const now = performance.now()
    const throttled = fates.includes('throttled')
    if (fates.includes('sent')) {
      this.#breaker.succeeded()
      if (throttled) this.#breaker.pause(now)
      return
    }
    this.failedCalls++
    // A collector that rejects is there and answers: the next record may be to its liking.
    if (fates.every((fate) => fate === 'rejected')) return this.#breaker.succeeded()
    this.#breaker.failed(failuresAtStart, now)
    if (!throttled && !fates.includes('failed')) return
    const why = reason ?? (throttled ? 'too much at once for the collector' : 'no reason given')
    warn('publisher call', `spans could not be sent and will be tried again: ${why}`)
  }

  #lose(reason: DropReason | 'inDoubt', record: QueuedRecord, cause?: string): void {
    this.#losses.add(reason, record.spans, cause)
    this.flushes.gone(record.number)
  }

  /** Closes the sender; resolves when it is closed, or after `deadlineMs`. */
  closeSender(deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, deadlineMs)
      const close = async (): Promise<void> => this.#sender.close?.()
      close()
        .catch((error: unknown) => warn('publisher close', `the sender did not close: ${describe(error)}`))
        .finally(() => {
          clearTimeout(timer)
          resolve()
        })
    })
  }
}
