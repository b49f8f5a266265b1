import { monotonicMs, sharedMs } from '../../host/clock.ts'
import type { BreakerState, LossReason } from '../metrics.ts'

/** How many bytes a block has: memory is given out in blocks. */
export const BLOCK_BYTES = 1024
/** The most characters of a record's key. */
export const KEY_BYTES = 16
/** How many bytes are kept for each block beside its own: five words, a time, and two numbers of the main thread's. */
const BLOCK_OVERHEAD = 5 * 4 + 8 + 12

/** Where a record stands. From `SENT` on it is done with, and the main thread frees its memory. */
export const FREE = 0
/** Written by main, not seen by the worker. */
export const NEW = 1
/** In the worker's queue. */
export const WAITING = 2
export const IN_FLIGHT = 3
export const SENT = 4

/** The fates after `SENT`, in the order of their numbers. */
const LOST: readonly LossReason[] = ['inDoubt', 'expired', 'rejected']

/** The words of `control`. */
export const SETTLED = 0
/** Grows with everything that shows that spans can be sent. The main thread waits for it when the process ends. */
export const PROGRESS = 1
/** 1 from when the worker was woken until it looks. */
export const WOKEN = 2
/** 1 while main waits to hear of records that are done with. */
export const WATCHED = 3
/** 1 once the worker can send. */
export const READY = 4
const CONTROL_WORDS = 8

/** The places of `figures`: counts of the delivery's, then the rate of its pacer. */
export const FIGURES = [
  'calls',
  'failedCalls',
  'retriedRecords',
  'throttledRecords',
  'possibleDuplicates',
] as const
export const RATE: number = FIGURES.length
/** The place of the breaker's state, as a number: its place in `BREAKER_STATES`. */
export const BREAKER: number = FIGURES.length + 1
export const BREAKER_STATES: readonly BreakerState[] = ['closed', 'open', 'half-open']

/**
 * The memory that the application's thread and the worker share: records, and of each, at the place of its first
 * block, where it stands. A record changes hands by one atomic change of that word, which also has its number, so
 * that each span is in one account at any instant, whichever thread ends and whenever.
 */
export class SharedMemory {
  readonly buffer: SharedArrayBuffer
  readonly blocks: number
  readonly control: Int32Array
  /** A record's number and where it stands: see `wordOf`. */
  readonly states: Int32Array
  readonly lengths: Int32Array
  readonly spans: Int32Array
  /** How many bytes of a key follow a record; 0 is no key. */
  readonly keyLengths: Int32Array
  /** 1 when the record may be stored already. */
  readonly doubts: Int32Array
  /** When its first span came, in the machine's monotonic milliseconds. */
  readonly since: Float64Array
  readonly figures: Float64Array
  readonly bytes: Uint8Array

  /** `buffer`: that of the other side; none makes a new one. */
  constructor(blocks: number, buffer?: SharedArrayBuffer) {
    const words = CONTROL_WORDS + 5 * blocks
    const wordBytes = words * 4 + (words % 2) * 4
    const head = wordBytes + (blocks + BREAKER + 1) * 8
    this.buffer = buffer ?? new SharedArrayBuffer(head + blocks * BLOCK_BYTES)
    this.blocks = blocks
    const table = (place: number): Int32Array =>
      new Int32Array(this.buffer, (CONTROL_WORDS + place * blocks) * 4, blocks)
    this.control = new Int32Array(this.buffer, 0, CONTROL_WORDS)
    this.states = table(0)
    this.lengths = table(1)
    this.spans = table(2)
    this.keyLengths = table(3)
    this.doubts = table(4)
    this.since = new Float64Array(this.buffer, wordBytes, blocks)
    this.figures = new Float64Array(this.buffer, wordBytes + blocks * 8, BREAKER + 1)
    this.bytes = new Uint8Array(this.buffer, head)
  }
}

/** How many blocks, and what is kept of them, fit into so many bytes. */
export function blocksIn(bytes: number): number {
  return Math.floor(bytes / (BLOCK_BYTES + BLOCK_OVERHEAD))
}

/** How many blocks so many bytes take. */
export function blocksFor(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES)
}

/** A record's number and where it stands, in one word. Numbers come again after 2²⁷ records. */
export function wordOf(number: number, state: number): number {
  return (number << 4) | state
}

/** Where a record stands, by its word. */
export function stateOf(word: number): number {
  return word & 15
}

/** What stands for a record that is done with. */
export function stateAfter(fate: 'sent' | LossReason): number {
  return fate === 'sent' ? SENT : SENT + 1 + LOST.indexOf(fate)
}

/** What became of a record that is done with. */
export function fateIn(state: number): 'sent' | LossReason {
  return state === SENT ? 'sent' : LOST[state - SENT - 1]!
}

/** What to add to this thread's `monotonicMs()` for a time that all threads share. */
export function clockOffset(): number {
  return sharedMs() - monotonicMs()
}
