import { monotonicMs } from '../../host/clock.ts'
import { BoundedQueue, type QueuedRecord } from './bounded-queue.ts'
import { Breaker } from './breaker.ts'
import { CallMetrics } from './call-metrics.ts'
import { CallsInFlight } from './calls-in-flight.ts'
import { bytesOf, isAnswered, isTriedAgain } from './fates.ts'
import { Flushes } from './flushes.ts'
import { CUT_OFF, type BreakerState, type DropReason, type LossCounter, type LossReason } from '../metrics.ts'
import { Pacer } from './pacer.ts'
import { publisherFailed } from '../background.ts'
import type { Settings } from '../publisher-options.ts'
import { sendCall, type CallEnd } from './send-call.ts'
import { closeSender } from '../senders/close-sender.ts'
import type { Sender } from '../senders/sender.ts'
import { SpareBuffer } from '../spare-buffer.ts'
import type { Ledger } from '../worker/ledger.ts'

/**
 * How long a call that is not full waits after the one before, in milliseconds: few large calls cost less than many
 * small ones.
 */
const GATHER_MS = 50

/**
 * Brings sealed records to a sender: a few calls at a time. Sends again what failed, and counts what became of each
 * record.
 */
export class Delivery {
  readonly queue: BoundedQueue
  readonly flushes: Flushes = new Flushes()
  readonly metrics: CallMetrics
  readonly spare: SpareBuffer = new SpareBuffer()
  readonly #sender: Sender
  readonly #set: Settings
  readonly #losses: LossCounter
  readonly #wakeIn: (delayMs: number) => void
  readonly #ledger: Ledger | undefined
  readonly #breaker = new Breaker()
  readonly #pacer = new Pacer()
  readonly #inFlight: CallsInFlight
  #startedAt = -Infinity
  #stopped = false
  /** Whether it was said last that calls go through. */
  #isWell: boolean | undefined

  sent = 0
  calls = 0
  failedCalls = 0
  retriedRecords = 0
  throttledRecords = 0
  possibleDuplicates = 0
  readonly workerDeaths: number = 0

  /** `wakeIn`: has `drain` called after a delay. `ledger`: is told of records that another thread holds as well. */
  constructor(
    sender: Sender,
    set: Settings,
    losses: LossCounter,
    wakeIn: (delayMs: number) => void,
    ledger?: Ledger,
    metrics: CallMetrics = new CallMetrics(),
  ) {
    this.queue = new BoundedQueue(set.maxSpans, set.maxBytes)
    this.#inFlight = new CallsInFlight(set.concurrency)
    this.#sender = sender
    this.#set = set
    this.#losses = losses
    this.#wakeIn = wakeIn
    this.#ledger = ledger
    this.metrics = metrics
  }

  /** Whether a call has failed since one last went through. */
  get failing(): boolean {
    return this.#breaker.failures > 0
  }

  get breakerState(): BreakerState {
    if (this.#breaker.failures === 0) return 'closed'
    return this.#inFlight.size > 0 ? 'half-open' : 'open'
  }

  /** How many bytes a second may go out; Infinity as long as nothing was too much for the collector. */
  get bytesPerSecond(): number {
    return this.#pacer.rate
  }

  /** Does nothing: these accounts are always up to date. A worker's are fetched here. */
  refresh(): void {}

  /** Takes a record; it is sent from a later `drain`. */
  push(record: QueuedRecord): void {
    this.queue.push(record)
    this.metrics.sealed(record.spans)
    this.#wakeIn(this.#holdMs(monotonicMs()))
  }

  /** Drops the record that waits longest. Returns false when none waits. */
  dropOldest(): boolean {
    return this.#evict('full')
  }

  /** Starts as many calls as may be in flight. With `atOnce` it does not wait for the breaker. */
  drain(atOnce: boolean = false): void {
    if (atOnce) this.#breaker.tryNow()
    while (!this.#stopped && this.queue.length > 0) {
      const now = monotonicMs()
      // While calls fail a single one goes out, as a probe.
      const places = this.#breaker.failures > 0 ? 1 : this.#set.concurrency
      const waitMs = Math.max(this.#holdMs(now), this.#inFlight.waitMs(places, now))
      if (waitMs === Infinity) return
      if (waitMs > 0) return this.#wakeIn(waitMs)
      const records = this.#take(now)
      if (records.length === 0) return
      this.#call(records, now).catch(publisherFailed)
    }
  }

  /** Stops, and counts what is left as lost. The ends of calls still in flight are passed over from here on. */
  stop(): void {
    this.#stopped = true
    this.metrics.letGo()
    while (this.#evict('shutdown'));
    const { takenSpans } = this.queue
    if (takenSpans > 0) this.#losses.add('inDoubt', takenSpans, CUT_OFF)
    this.queue.clear()
    this.flushes.end()
  }

  #holdMs(now: number): number {
    return Math.max(this.#breaker.waitMs(now), this.#pacer.waitMs(now), this.#gatherMs(now))
  }

  #gatherMs(now: number): number {
    const { recordBytes, maxCallBytes, maxRecords } = this.#set
    const fullCall = Math.min(maxCallBytes / recordBytes, maxRecords)
    if (this.queue.length >= Math.floor(fullCall) || this.flushes.waiting) return 0
    return Math.max(0, this.#startedAt + GATHER_MS - now)
  }

  #take(now: number): QueuedRecord[] {
    const records: QueuedRecord[] = []
    const mostBytes = this.#pacer.callBytes(this.#set.maxCallBytes)
    let bytes = 0
    while (records.length < this.#set.maxRecords) {
      const record = this.queue.peek()
      if (record === undefined) break
      if (now - record.since > this.#set.maxAgeMs) {
        this.#evict('expired')
        continue
      }
      const { byteLength } = record.bytes
      if (bytes + byteLength > mostBytes && records.length > 0) break
      this.queue.take()
      if (this.#ledger?.take(record) === false) {
        this.queue.release(record)
        this.flushes.gone(record.number)
        continue
      }
      bytes += byteLength
      if (record.wasSent) this.retriedRecords++
      if (record.doubtful) this.possibleDuplicates += record.spans
      record.wasSent = true
      records.push(record)
    }
    return records
  }

  async #call(records: readonly QueuedRecord[], startedAt: number): Promise<void> {
    const { callTimeoutMs, atLeastOnce } = this.#set
    this.calls++
    this.#startedAt = startedAt
    this.#pacer.started(bytesOf(records), startedAt)
    const call = this.#inFlight.started(startedAt)
    const measured = this.metrics.started(records)
    const end = await sendCall(this.#sender, records, callTimeoutMs, atLeastOnce)
    // What was in flight at the stop has been counted there.
    if (this.#stopped) return
    this.metrics.ended(measured, end)
    const now = monotonicMs()
    const { fates } = end
    this.#inFlight.ended(call, !fates.includes('unanswered') && !fates.includes('in doubt'), now)
    this.#pacer.ended(bytesOf(records, fates, 'sent'), bytesOf(records, fates, 'throttled'), now)
    this.#settle(records, end)
    this.#judge(end, startedAt, now)
    this.drain()
  }

  #settle(records: readonly QueuedRecord[], { fates, reason }: CallEnd): void {
    // From the last to the first, so that those put back stand at the head in their order.
    for (let i = records.length - 1; i >= 0; i--) {
      const record = records[i]!
      switch (fates[i]!) {
        case 'sent':
          this.queue.release(record)
          this.sent += record.spans
          this.#gone(record, 'sent')
          break
        case 'rejected':
          this.queue.release(record)
          this.#lose('rejected', record, reason)
          break
        case 'in doubt':
          this.queue.release(record)
          this.#lose('inDoubt', record, reason)
          break
        case 'unanswered':
          record.doubtful = true
          this.#putBack(record)
          break
        case 'throttled':
        case 'hot':
          this.throttledRecords++
          this.#putBack(record)
          break
        case 'failed':
          this.#putBack(record)
      }
    }
  }

  /** What a call's end says of the collector. */
  #judge({ fates, reason }: CallEnd, startedAt: number, now: number): void {
    if (fates.includes('sent')) {
      this.#breaker.succeeded(startedAt)
      if (!fates.some(isTriedAgain)) this.#well()
      return
    }
    this.failedCalls++
    const isFailure = !fates.some(isAnswered)
    if (!isFailure) this.#breaker.succeeded(startedAt)
    // Those in flight may hang as this one did: the probe does not wait for them.
    else if (this.#breaker.failed(startedAt, now)) this.#inFlight.uncountAll()
    if (!fates.some(isTriedAgain)) return isFailure ? undefined : this.#well()
    this.#isWell = false
    this.#losses.trouble(reason ?? (isFailure ? 'no reason given' : 'too much at once for the collector'))
  }

  #well(): void {
    if (this.#isWell) return
    this.#isWell = true
    this.#losses.well()
  }

  /** Drops the record that waits longest, when there is one. */
  #evict(reason: DropReason): boolean {
    const record = this.queue.evict()
    if (record === undefined) return false
    this.#lose(reason, record)
    if (!record.wasSent) this.spare.keep(record.bytes)
    return true
  }

  #lose(reason: DropReason | 'inDoubt', record: QueuedRecord, cause?: string): void {
    const fate = record.doubtful ? 'inDoubt' : reason
    const isLater = record.doubtful && reason !== 'inDoubt'
    this.#losses.add(fate, record.spans, isLater ? `no answer came, and then: ${cause ?? reason}` : cause)
    this.#gone(record, fate)
  }

  #putBack(record: QueuedRecord): void {
    this.queue.putBack(record)
    this.#ledger?.putBack(record)
  }

  #gone(record: QueuedRecord, fate: 'sent' | LossReason): void {
    this.#ledger?.gone(record, fate)
    this.flushes.gone(record.number)
  }

  /** Closes the sender. Resolves when it is closed, or after `deadlineMs`. */
  closeSender(deadlineMs: number): Promise<void> {
    return closeSender(this.#sender, deadlineMs)
  }
}
