import { onMicrotask } from '../../host/timers.ts'
import type { QueuedRecord } from '../delivery/bounded-queue.ts'
import type { LossReason } from '../metrics.ts'
import {
  BLOCK_BYTES,
  clockOffset,
  IN_FLIGHT,
  NEW,
  PROGRESS,
  SETTLED,
  type SharedMemory,
  stateAfter,
  stateOf,
  WAITING,
  WATCHED,
} from './shared-memory.ts'

/** Is told what becomes of records that another thread holds as well. */
export interface Ledger {
  /** The record is about to be sent. Returns false when the other thread has taken it back: it is to be forgotten. */
  take(record: QueuedRecord): boolean
  /** The record was not sent, and waits again. */
  putBack(record: QueuedRecord): void
  /** The record is done with: it was sent or lost. */
  gone(record: QueuedRecord, fate: 'sent' | LossReason): void
}

/** A record in the shared memory. */
interface SharedRecord extends QueuedRecord {
  /** The number of its first block. */
  readonly id: number
  /** The word that says where it stands, as this side left it. */
  word: number
}

/** The worker's side of the shared memory: takes up new records, and writes down what becomes of them. */
export class WorkerLedger implements Ledger {
  readonly #memory: SharedMemory
  readonly #onSettled: () => void
  readonly #clockOffset = clockOffset()
  #received = 0
  #telling = false

  /** `onSettled` is called when records are done with and the main thread waits to hear of it. */
  constructor(memory: SharedMemory, onSettled: () => void) {
    this.#memory = memory
    this.#onSettled = onSettled
  }

  /** The records that are new, oldest first. Their bytes belong to the main thread again once they are done with. */
  receive(): QueuedRecord[] {
    const { states, blocks } = this.#memory
    const fresh: { id: number; word: number }[] = []
    for (let id = 0; id < blocks; id++) {
      const word = states[id]!
      if (stateOf(word) === NEW && this.#change(id, word, WAITING)) fresh.push({ id, word })
    }
    fresh.sort((a, b) => (a.word >>> 4) - (b.word >>> 4))
    return fresh.map(({ id, word }) => this.#record(id, word - NEW + WAITING))
  }

  /** Whether the worker still has the record: the main thread has not taken it back. */
  holds(record: QueuedRecord): boolean {
    const { id, word } = record as SharedRecord
    return Atomics.load(this.#memory.states, id) === word
  }

  take(record: QueuedRecord): boolean {
    return this.#move(record as SharedRecord, IN_FLIGHT)
  }

  putBack(record: QueuedRecord): void {
    if (record.doubtful) this.#memory.doubts[(record as SharedRecord).id] = 1
    this.#move(record as SharedRecord, WAITING)
  }

  gone(record: QueuedRecord, fate: 'sent' | LossReason): void {
    if (!this.#move(record as SharedRecord, stateAfter(fate))) return
    const { control } = this.#memory
    Atomics.add(control, SETTLED, 1)
    Atomics.add(control, PROGRESS, 1)
    Atomics.notify(control, PROGRESS)
    if (this.#telling || Atomics.load(control, WATCHED) === 0) return
    this.#telling = true
    onMicrotask(() => {
      this.#telling = false
      this.#onSettled()
    })
  }

  #move(record: SharedRecord, state: number): boolean {
    const { id, word } = record
    if (!this.#change(id, word, state)) return false
    record.word = word - stateOf(word) + state
    return true
  }

  #change(id: number, word: number, state: number): boolean {
    return Atomics.compareExchange(this.#memory.states, id, word, word - stateOf(word) + state) === word
  }

  #record(id: number, word: number): SharedRecord {
    const { bytes, lengths, spans, keyLengths, doubts, since } = this.#memory
    const start = id * BLOCK_BYTES
    const end = start + lengths[id]!
    const key = Buffer.from(bytes.subarray(end, end + keyLengths[id]!)).toString('latin1')
    return {
      id,
      word,
      bytes: bytes.subarray(start, end),
      spans: spans[id]!,
      ...(key && { key }),
      number: ++this.#received,
      since: since[id]! - this.#clockOffset,
      wasSent: doubts[id] === 1,
      doubtful: doubts[id] === 1,
    }
  }
}
