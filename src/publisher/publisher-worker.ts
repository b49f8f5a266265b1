import { subscribe } from 'node:diagnostics_channel'
import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import type { CallMessage } from './channels.ts'
import { Delivery } from './delivery.ts'
import type { LossReason } from './metrics.ts'
import type { Settings } from './publisher-options.ts'
import type { Sender, SpanRecord } from './sender.ts'
import { senderOf, type SenderRecipe } from './sender-recipe.ts'
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
import { WorkerLedger } from './worker-ledger.ts'

/** What the worker begins with. */
export interface WorkerStart {
  readonly buffer: SharedArrayBuffer
  readonly blocks: number
  readonly recipe: SenderRecipe
  readonly settings: Omit<Settings, 'outside'>
}

/** What main asks: `records` are new, send all within so many milliseconds, or end. */
export type Order =
  | { readonly order: 'look' }
  | { readonly order: 'flush' | 'close'; readonly deadlineMs: number }

/** What the worker says beside the shared memory. */
export type Report =
  | { readonly report: 'settled' }
  | { readonly report: 'call'; readonly call: CallMessage }
  | { readonly report: 'trouble'; readonly message: string }
  | { readonly report: 'cause'; readonly reason: LossReason; readonly cause: string }

const { buffer, blocks, recipe, settings } = workerData as WorkerStart
const port = parentPort!
const memory = new SharedMemory(blocks, buffer)
const { control, figures } = memory
const tell = (report: Report): void => port.postMessage(report)
const ledger = new WorkerLedger(memory, () => tell({ report: 'settled' }))
let timer: NodeJS.Timeout | undefined
let timerAt = 0

const losses = {
  // Main counts by what stands in the shared memory; what it cannot know is the cause.
  add: (reason: LossReason, _: number, cause?: string): void => {
    if (cause !== undefined) tell({ report: 'cause', reason, cause })
  },
  trouble: (message: string): void => tell({ report: 'trouble', message }),
}
const delivery = new Delivery(
  sendingCopies(senderOf(recipe)),
  { ...settings, outside: (fn) => fn() },
  losses,
  wakeIn,
  ledger,
)

subscribe('tdist:publisher:call', (call) => tell({ report: 'call', call: call as CallMessage }))

void prepare().then(() => {
  port.on('message', (order: Order) => {
    Atomics.store(control, WOKEN, 0)
    obey(order)
  })
  look()
  noteFigures()
  Atomics.store(control, READY, 1)
  Atomics.add(control, PROGRESS, 1)
  Atomics.notify(control, PROGRESS)
})

/** Loads what the first call would, so that a process that ends does not wait for it. */
async function prepare(): Promise<void> {
  if (recipe.kind !== 'kinesis') return
  // The first call says what is wrong.
  await import('@aws-sdk/client-kinesis').catch(() => {})
}

function obey(order: Order): void {
  look()
  if (order.order === 'flush') {
    const { records } = delivery.queue
    // Main has a deadline of its own; this one only says that somebody waits.
    if (records > 0) void delivery.flushes.wait(Infinity, records, order.deadlineMs)
    delivery.drain(true)
    tell({ report: 'settled' })
  } else if (order.order === 'close') {
    void delivery.closeSender(order.deadlineMs).finally(() => process.exit(0))
  }
}

function look(): void {
  for (const record of ledger.receive()) delivery.push(record)
  // Those that main took back since, the oldest, would otherwise stay here for as long as nothing is sent.
  for (;;) {
    const oldest = delivery.queue.peek()
    if (oldest === undefined || ledger.holds(oldest)) return
    delivery.queue.evict()
  }
}

function wakeIn(delayMs: number): void {
  const at = performance.now() + delayMs
  if (timer !== undefined && timerAt <= at) return
  clearTimeout(timer)
  timerAt = at
  timer = setTimeout(() => {
    timer = undefined
    delivery.drain()
    noteFigures()
  }, delayMs)
}

function noteFigures(): void {
  for (const [i, name] of FIGURES.entries()) figures[i] = delivery[name]
  figures[RATE] = delivery.bytesPerSecond
  figures[BREAKER] = BREAKER_STATES.indexOf(delivery.breakerState)
}

/** Main may reuse a record's memory while a call that timed out still writes it to its connection. */
function sendingCopies(sender: Sender): Sender {
  return {
    ...sender,
    send: async (records) => {
      try {
        return await sender.send(records.map(copyOf))
      } finally {
        setImmediate(noteFigures)
      }
    },
  }
}

function copyOf({ bytes, spans, key }: SpanRecord): SpanRecord {
  return { bytes: Buffer.from(bytes), spans, key }
}
