import { existsSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import type { Worker } from 'node:worker_threads'
import { describe, warn } from '../log.ts'
import type { QueuedRecord } from './bounded-queue.ts'
import { CallMetrics } from './call-metrics.ts'
import { Flushes } from './flushes.ts'
import type { BreakerState, Losses, LossReason } from './metrics.ts'
import type { Settings } from './publisher-options.ts'
import type { Order, Report, WorkerStart } from './publisher-worker.ts'
import type { SenderRecipe } from './sender-recipe.ts'
import type { Sender } from './sender.ts'
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
import { SharedRecords } from './shared-records.ts'
import { SpareBuffer } from './spare-buffer.ts'

/** Where this module is in a bundle of the service's, it may have no place. */
const WORKER_FILE = URL.canParse('./publisher-worker.js', import.meta.url)
  ? new URL('./publisher-worker.js', import.meta.url)
  : undefined
/** How long an ending process waits for spans to be sent, and how long without any being sent. */
const ENDING_MS = 2000
const SILENT_MS = 500
const LOOK_EVERY_MS = 1000
const FIRST_RESTART_MS = 100
const LONGEST_RESTART_MS = 5000

/**
 * A delivery in a worker thread. Records stay in memory that both threads share until they are done with, so that
 * a worker that ends loses none. The worker is started with the first record.
 */
export class WorkerDelivery {
  readonly queue: SharedRecords
  readonly flushes: Flushes = new Flushes()
  readonly spare: SpareBuffer = new SpareBuffer()
  readonly metrics: CallMetrics = new CallMetrics()
  readonly #start: WorkerStart
  readonly #atLeastOnce: boolean
  readonly #outside: Settings['outside']
  readonly #losses: Losses
  readonly #wakeIn: (delayMs: number) => void
  readonly #control: Int32Array
  /** The figures of the workers that ended. */
  readonly #ended = new Float64Array(FIGURES.length)
  readonly #causes: Partial<Record<LossReason, string>> = {}
  #worker: Worker | undefined
  /** What ended the worker. */
  #fault: string | undefined
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

  /** `wakeIn` sees to it that `drain` is called after a delay. */
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

  /** Takes a record; the worker sends it. Only when there is room. */
  push(record: QueuedRecord): void {
    this.queue.add(record)
    this.metrics.sealed(record.spans)
    this.spare.keep(record.bytes)
    this.#startWorker()
    // One message is enough until the worker looks.
    if (Atomics.exchange(this.#control, WOKEN, 1) === 0) this.#order({ order: 'look' })
    this.#wakeIn(LOOK_EVERY_MS)
  }

  /** Drops the record that waits longest; false when none waits. */
  dropOldest(): boolean {
    return this.queue.dropOldest()
  }

  /** Sees what the worker has done, and starts one that is due. `atOnce`: does not wait for the breaker. */
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

  /** Sends all there is; blocks until that is done, or 2 s, or when nothing was sent for 500 ms. */
  flushNow(): void {
    const start = performance.now()
    let last = start
    let seen = Atomics.load(this.#control, PROGRESS)
    this.drain(true)
    while (this.queue.records > 0 && this.#worker) {
      const now = performance.now()
      const progress = Atomics.load(this.#control, PROGRESS)
      if (progress !== seen) last = now
      seen = progress
      // A worker that is still starting has not been silent.
      const silentAt = Atomics.load(this.#control, READY) === 1 ? last + SILENT_MS : Infinity
      const leftMs = Math.min(silentAt, start + ENDING_MS) - now
      if (leftMs <= 0) return
      this.queue.waitForProgress(seen, leftMs)
    }
  }

  /** Brings the accounts up to this instant. */
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
    this.queue.clear()
    this.flushes.end()
  }

  /** Ends the worker; resolves when it has ended, or after `deadlineMs`. */
  closeSender(deadlineMs: number): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        void worker.terminate()
        resolve()
      }, deadlineMs)
      worker.once('exit', () => {
        clearTimeout(timer)
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
    this.#worker?.postMessage(order)
  }

  #startWorker(): void {
    if (this.#worker !== undefined || this.#stopped) return
    const waitMs = this.#startAt - performance.now()
    if (waitMs > 0) return this.#wakeIn(waitMs)
    this.#settledAtStart = this.queue.settled
    try {
      this.#worker = this.#outside(() => this.#newWorker())
    } catch (error) {
      this.#fault = describe(error)
      this.#died()
    }
    if (this.flushes.waiting) this.#order({ order: 'flush', deadlineMs: ENDING_MS })
  }

  #newWorker(): Worker {
    const { Worker } = process.getBuiltinModule('node:worker_threads')
    // Neither the service's preloads nor ours run there.
    const { NODE_OPTIONS: _, ...env } = process.env
    const worker = new Worker(WORKER_FILE!, {
      workerData: this.#start,
      execArgv: [],
      env,
      name: 'tdist',
      resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 },
    })
    worker.on('message', (report: Report) => this.#hear(report))
    worker.on('error', (error) => (this.#fault = describe(error)))
    worker.on('exit', (code) => {
      this.#fault ??= `exit code ${code}`
      this.#died()
    })
    // Last, because a listener for messages makes the process wait for them.
    worker.unref()
    return worker
  }

  #hear(report: Report): void {
    if (report.report === 'call') return this.metrics.endedElsewhere(report.call)
    if (report.report === 'trouble') return this.#losses.trouble(report.message)
    if (report.report === 'cause') this.#causes[report.reason] = report.cause
    this.queue.settle()
    if (!this.flushes.waiting) Atomics.store(this.#control, WATCHED, 0)
  }

  #died(): void {
    this.#worker = undefined
    const fault = this.#fault
    this.#fault = undefined
    if (this.#stopped) return
    this.workerDeaths++
    const { memory } = this.queue
    for (const i of FIGURES.keys()) this.#ended[i]! += memory.figures[i]!
    memory.figures.fill(0)
    Atomics.store(this.#control, WOKEN, 0)
    Atomics.store(this.#control, READY, 0)
    this.queue.recover(this.#atLeastOnce)
    this.#failedStarts = this.queue.settled === this.#settledAtStart ? this.#failedStarts + 1 : 1
    const waitMs = Math.min(LONGEST_RESTART_MS, FIRST_RESTART_MS * 2 ** (this.#failedStarts - 1))
    this.#startAt = performance.now() + waitMs
    this.#losses.trouble(`the publisher's worker ended and will be started again: ${fault}`)
    if (this.queue.records > 0) this.#wakeIn(waitMs)
  }
}

/**
 * How a worker makes the sender again. Where it cannot, that is said in one line, and the result is undefined: spans
 * are then sent from the service's own thread.
 */
export function recipeFor({ recipe }: Sender): SenderRecipe | undefined {
  let what =
    'the sender cannot be made again in a worker: it is not one of tdist, or has a client of your own'
  if (recipe !== undefined && canCross(recipe)) {
    if (WORKER_FILE && existsSync(WORKER_FILE)) return recipe
    what = "its file publisher-worker.js is not beside tdist's own; keep tdist out of your bundle"
  }
  warn('publisher worker', `publisher.worker is left out: ${what}`)
  return undefined
}

/** Whether a value can go to another thread. */
function canCross(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
