import { onImmediate } from '../../host/timers.ts'
import { Background } from '../background.ts'
import { EarliestTimer } from '../earliest-timer.ts'
import { CallMetrics } from '../delivery/call-metrics.ts'
import { Delivery } from '../delivery/delivery.ts'
import type { Settings } from '../publisher-options.ts'
import type { Sender, SpanRecord } from '../senders/sender.ts'
import { senderOf } from '../senders/sender-recipe.ts'
import {
  BREAKER,
  BREAKER_STATES,
  FIGURES,
  PROGRESS,
  RATE,
  READY,
  SharedMemory,
  WOKEN,
} from './shared-memory.ts'
import { WorkerLedger } from './ledger.ts'
import type { Order, Report, SharedStart } from './messages.ts'

/**
 * Sends the records that stand in the shared memory: in the worker, or in the service's own thread where there can be
 * no worker.
 */
export class SharedDelivery {
  readonly #memory: SharedMemory
  readonly #ledger: WorkerLedger
  readonly #delivery: Delivery
  readonly #tell: (report: Report) => void
  readonly #timer: EarliestTimer

  /** `tell`: takes what the main thread is to be told. `outside`: see `Surroundings`. */
  constructor(
    start: SharedStart,
    tell: (report: Report) => void,
    outside: Settings['outside'] = (fn) => fn(),
  ) {
    const { buffer, blocks, recipe, settings } = start
    this.#memory = new SharedMemory(blocks, buffer)
    this.#tell = tell
    this.#timer = new EarliestTimer(new Background(outside), () => this.#wake())
    this.#ledger = new WorkerLedger(this.#memory, () => tell({ report: 'settled' }))
    this.#delivery = new Delivery(
      this.#sendingCopies(senderOf(recipe)),
      { ...settings, outside },
      {
        // Main counts by what stands in the shared memory; what it cannot know is the cause.
        add: (reason, _, cause) => {
          if (cause !== undefined) tell({ report: 'cause', reason, cause })
        },
        trouble: (cause) => tell({ report: 'trouble', cause }),
        well: () => tell({ report: 'well' }),
      },
      (delayMs) => this.#timer.wakeIn(delayMs),
      this.#ledger,
      new CallMetrics((call) => tell({ report: 'call', call })),
    )
  }

  /** Begins to send, and tells the main thread that it can. */
  begin(): void {
    const { control } = this.#memory
    this.#look()
    this.#noteFigures()
    Atomics.store(control, READY, 1)
    Atomics.add(control, PROGRESS, 1)
    Atomics.notify(control, PROGRESS)
  }

  /** Carries out an order. Resolves when a `close` is done, and at once for all others. */
  obey(order: Order): Promise<void> {
    Atomics.store(this.#memory.control, WOKEN, 0)
    this.#look()
    if (order.order === 'close') return this.#delivery.closeSender(order.deadlineMs)
    if (order.order === 'flush') {
      const { records } = this.#delivery.queue
      // Main has a deadline of its own; this one only says that somebody waits.
      if (records > 0) void this.#delivery.flushes.wait(Infinity, records, order.deadlineMs, { unref: true })
      this.#delivery.drain(true)
      this.#tell({ report: 'settled' })
    }
    return Promise.resolve()
  }

  /** Stops: it sends no more, and holds no more. */
  stop(): void {
    this.#timer.stop()
    this.#delivery.stop()
  }

  #look(): void {
    for (const record of this.#ledger.receive()) this.#delivery.push(record)
    // Those that main took back since, the oldest, would otherwise stay here for as long as nothing is sent.
    for (;;) {
      const oldest = this.#delivery.queue.peek()
      if (oldest === undefined || this.#ledger.holds(oldest)) return
      this.#delivery.queue.evict()
    }
  }

  #wake(): void {
    this.#delivery.drain()
    this.#noteFigures()
  }

  readonly #noteFigures = (): void => {
    const { figures } = this.#memory
    for (const [i, name] of FIGURES.entries()) figures[i] = this.#delivery[name]
    figures[RATE] = this.#delivery.bytesPerSecond
    figures[BREAKER] = BREAKER_STATES.indexOf(this.#delivery.breakerState)
  }

  /**
   * A sender that gets copies: the main thread may reuse a record's memory while a call that timed out still writes it
   * out.
   */
  #sendingCopies(sender: Sender): Sender {
    return {
      ...sender,
      send: async (records) => {
        try {
          return await sender.send(records.map(copyOf))
        } finally {
          onImmediate(this.#noteFigures)
        }
      },
    }
  }
}

function copyOf({ bytes, spans, key }: SpanRecord): SpanRecord {
  return { bytes: Buffer.from(bytes), spans, key }
}
