import type { Worker } from 'node:worker_threads'
import { monotonicMs } from '../../host/clock.ts'
import { describe, warn } from '../../host/log.ts'
import { startTimer, stopTimer } from '../../host/timers.ts'
import type { QueuedRecord } from '../delivery/bounded-queue.ts'
import { CallMetrics } from '../delivery/call-metrics.ts'
import { Flushes, HOPELESS_MS, LOOK_MS } from '../delivery/flushes.ts'
import { CUT_OFF, type BreakerState, type Losses, type LossReason } from '../metrics.ts'
import type { SenderRecipe } from '../senders/sender.ts'
import type { Settings } from '../publisher-options.ts'
import {
  blocksIn,
  BREAKER,
  BREAKER_STATES,
  FIGURES,
  PROGRESS,
  RATE,
  READY,
  WATCHED,
  WOKEN,
} from './shared-memory.ts'
import type { Order, Report, SharedStart } from './messages.ts'
import { SharedDelivery } from './shared-delivery.ts'
import { SharedRecords } from './shared-records.ts'
import { SpareBuffer } from '../spare-buffer.ts'
import { startWorker } from './start-worker.ts'

/** How long a process that ends waits for its spans to be sent, in milliseconds. */
const ENDING_MS = 2000
/** How long it waits without any sign of the worker, in milliseconds. */
const SILENT_MS = 500
/** How often the main thread looks at what the worker has done, in milliseconds. */
const LOOK_EVERY_MS = 1000
/** How long after its end a worker is started again, in milliseconds; each further time twice as long. */
const FIRST_RESTART_MS = 100
/** How many workers in a row may end with no record done. No further one is started then: it would do no better. */
const MOST_FAILED_STARTS = 3

/**
 * A delivery in a worker thread. Records stay in memory that both threads share until they are done with, so that
 * a worker that ends loses none. The worker is started with the first record.
 */
export class WorkerDelivery {
  readonly queue: SharedRecords
  readonly flushes: Flushes = new Flushes()
  readonly spare: SpareBuffer = new SpareBuffer()
  readonly metrics: CallMetrics = new CallMetrics()
  readonly #start: SharedStart
  readonly #atLeastOnce: boolean
  readonly #outside: Settings['outside']
  readonly #losses: Losses
  readonly #wakeIn: (delayMs: number) => void
  readonly #control: Int32Array
  /** The figures of the workers that ended. */
  readonly #ended = new Float64Array(FIGURES.length)
  readonly #causes: Partial<Record<LossReason, string>> = {}
  #worker: Worker | undefined
  /** Stands in for the worker, where there can be none. */
  #here: SharedDelivery | undefined
  #startAt = 0
  #failedStarts = 0
  #settledAtStart = 0
  #stopped = false

  sent = 0
  workerDeaths = 0
  calls = 0
  failedCalls = 0
  retriedRecords = 0
  throttledRecords = 0
  possibleDuplicates = 0
  bytesPerSecond: number = Infinity
  breakerState: BreakerState = 'closed'

  /** `wakeIn`: has `drain` called after a delay. */
  constructor(recipe: SenderRecipe, set: Settings, losses: Losses, wakeIn: (delayMs: number) => void) {
    const blocks = blocksIn(set.maxBytes - set.openLists * set.recordBytes)
    this.queue = new SharedRecords(
      blocks,
      set.openLists,
      set.recordBytes,
      set.maxSpans,
      this.#gone.bind(this),
    )
    const { buffer, control } = this.queue.memory
    const { outside, ...settings } = set
    this.#start = { buffer, blocks, recipe, settings }
    this.#atLeastOnce = set.atLeastOnce
    this.#outside = outside
    this.#losses = losses
    this.#wakeIn = wakeIn
    this.#control = control
  }

  /** Whether a call has failed since one last went through. */
  get failing(): boolean {
    return this.queue.memory.figures[BREAKER] !== 0
  }

  /** Takes a record, which the worker sends. The caller has asked the queue's `hasRoom`. */
  push(record: QueuedRecord): void {
    this.queue.add(record)
    this.metrics.sealed(record.spans)
    this.spare.keep(record.bytes)
    this.#startWorker()
    // One message is enough until the worker looks.
    if (Atomics.exchange(this.#control, WOKEN, 1) === 0) this.#order({ order: 'look' })
    this.#wakeIn(LOOK_EVERY_MS)
  }

  /** Drops the record that waits longest. Returns false when none waits. */
  dropOldest(): boolean {
    return this.queue.dropOldest()
  }

  /** Looks at what the worker has done, and starts one that is due. With `atOnce` it does not wait for the breaker. */
  drain(atOnce: boolean = false): void {
    if (this.queue.records === 0 || this.#stopped) return
    if (atOnce) {
      this.#startAt = 0
      Atomics.store(this.#control, WATCHED, 1)
    }
    this.#startWorker()
    if (atOnce) this.#order({ order: 'flush', deadlineMs: ENDING_MS })
    this.#wakeIn(LOOK_EVERY_MS)
  }

  /**
   * Sends all there is, and blocks until that is done: for 2 s at the most, or until nothing has been sent for 500 ms.
   */
  flushNow(): void {
    const start = monotonicMs()
    let last = start
    let movedAt = start
    let { settled } = this.queue
    let seen = Atomics.load(this.#control, PROGRESS)
    this.drain(true)
    while (this.queue.records > 0 && this.#worker) {
      const now = monotonicMs()
      const progress = Atomics.load(this.#control, PROGRESS)
      if (progress !== seen) last = now
      seen = progress
      if (this.queue.settled !== settled) movedAt = now
      ;({ settled } = this.queue)
      if (this.failing && now - movedAt >= HOPELESS_MS) return
      // A worker that is still starting has not been silent.
      const silentAt = Atomics.load(this.#control, READY) === 1 ? last + SILENT_MS : Infinity
      const leftMs = Math.min(silentAt, start + ENDING_MS) - now
      if (leftMs <= 0) return
      this.queue.waitForProgress(seen, Math.min(leftMs, LOOK_MS))
    }
  }

  /** Brings the accounts up to date with what the worker has done. */
  refresh(): void {
    this.queue.settle()
    this.queue.count()
    const { figures } = this.queue.memory
    for (const [i, name] of FIGURES.entries()) this[name] = this.#ended[i]! + figures[i]!
    this.breakerState = BREAKER_STATES[figures[BREAKER]!]!
    this.bytesPerSecond = Atomics.load(this.#control, READY) === 1 ? figures[RATE]! : Infinity
  }

  /** Counts what is left as lost, whatever the worker does from here on. */
  stop(): void {
    this.#stopped = true
    this.#causes.inDoubt ??= CUT_OFF
    this.queue.clear()
    this.#here?.stop()
    this.flushes.end()
  }

  /** Ends the worker; resolves when it has ended, or after `deadlineMs`. */
  closeSender(deadlineMs: number): Promise<void> {
    const worker = this.#worker
    if (this.#here) return this.#here.obey({ order: 'close', deadlineMs })
    if (worker === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = startTimer(() => {
        void worker.terminate()
        resolve()
      }, deadlineMs)
      worker.once('exit', () => {
        stopTimer(timer)
        resolve()
      })
      this.#order({ order: 'close', deadlineMs })
    })
  }

  #gone(number: number, spans: number, fate: 'sent' | LossReason): void {
    if (fate === 'sent') this.sent += spans
    else this.#losses.add(fate, spans, this.#causes[fate])
    this.flushes.gone(number)
  }

  #order(order: Order): void {
    if (this.#here) void this.#here.obey(order)
    else this.#worker?.postMessage(order)
  }

  #startWorker(): void {
    if (this.#worker !== undefined || this.#here !== undefined || this.#stopped) return
    const waitMs = this.#startAt - monotonicMs()
    if (waitMs > 0) return this.#wakeIn(waitMs)
    this.#settledAtStart = this.queue.settled
    try {
      this.#worker = this.#outside(() => startWorker(this.#start, this.#hear, (fault) => this.#died(fault)))
    } catch (error) {
      // It will be refused again.
      this.#sendFromHere(describe(error))
    }
    if (this.flushes.waiting) this.#order({ order: 'flush', deadlineMs: ENDING_MS })
  }

  readonly #hear = (report: Report): void => {
    if (report.report === 'call') return this.metrics.endedElsewhere(report.call)
    if (report.report === 'trouble') return this.#losses.trouble(report.cause)
    if (report.report === 'well') return this.#losses.well()
    if (report.report === 'cause') this.#causes[report.reason] = report.cause
    this.queue.settle()
    if (!this.flushes.waiting) Atomics.store(this.#control, WATCHED, 0)
  }

  #died(fault: string): void {
    this.#worker = undefined
    if (this.#stopped) return
    this.workerDeaths++
    const { memory } = this.queue
    for (const i of FIGURES.keys()) this.#ended[i]! += memory.figures[i]!
    memory.figures.fill(0)
    Atomics.store(this.#control, WOKEN, 0)
    Atomics.store(this.#control, READY, 0)
    this.queue.recover(this.#atLeastOnce)
    this.#failedStarts = this.queue.settled === this.#settledAtStart ? this.#failedStarts + 1 : 1
    if (this.#failedStarts >= MOST_FAILED_STARTS)
      return this.#sendFromHere(`it ended again and again: ${fault}`)
    const waitMs = FIRST_RESTART_MS * 2 ** (this.#failedStarts - 1)
    this.#startAt = monotonicMs() + waitMs
    this.#losses.note(`the publisher's worker ended and will be started again: ${fault}`)
    if (this.queue.records > 0) this.#wakeIn(waitMs)
  }

  /** From here on the service's own thread does what the worker would, on the same records. */
  #sendFromHere(why: string): void {
    warn('publisher worker', `the publisher has no worker, and the service's thread sends: ${why}`)
    this.#failedStarts = 0
    this.#here = new SharedDelivery(this.#start, this.#hear, this.#outside)
    this.#here.begin()
  }
}
