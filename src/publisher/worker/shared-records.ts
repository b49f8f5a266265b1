import type { QueuedRecord } from '../delivery/bounded-queue.ts'
import { BlockRuns } from './block-runs.ts'
import type { LossReason } from '../metrics.ts'
import {
  BLOCK_BYTES,
  blocksFor,
  clockOffset,
  fateIn,
  FREE,
  IN_FLIGHT,
  KEY_BYTES,
  NEW,
  PROGRESS,
  SENT,
  SETTLED,
  SharedMemory,
  stateOf,
  WAITING,
  wordOf,
} from './shared-memory.ts'

/** Told of each record that is done with. */
export type OnGone = (number: number, spans: number, fate: 'sent' | LossReason) => void

/**
 * The main thread's side of the shared memory: gives it to records, and takes it back when the worker is done with
 * them.
 */
export class SharedRecords {
  readonly memory: SharedMemory
  readonly #maxSpans: number
  readonly #onGone: OnGone
  readonly #runs: BlockRuns
  readonly #numbers: Float64Array
  /** Records not done with, by number. */
  #live: number[] = []
  #spans = 0
  #settled = 0
  #sorting = false
  readonly #clockOffset = clockOffset()
  /** How many spans wait, by the last `count`. */
  waitingSpans = 0
  /** How many spans are in flight or done with, by the last `count`. */
  takenSpans = 0

  constructor(blocks: number, lists: number, recordBytes: number, maxSpans: number, onGone: OnGone) {
    this.memory = new SharedMemory(blocks)
    this.#runs = new BlockRuns(blocks, lists, blocksFor(recordBytes + KEY_BYTES))
    this.#numbers = new Float64Array(blocks)
    this.#maxSpans = maxSpans
    this.#onGone = onGone
  }

  /** How many records are not done with. */
  get records(): number {
    this.settle()
    return this.#live.length
  }

  /** Memory that records take. */
  get bytes(): number {
    return this.#runs.used * BLOCK_BYTES
  }

  /** When the first span of the record that is held longest came, in monotonic milliseconds. */
  peek(): { readonly since: number } | undefined {
    const id = this.#live[0]
    return id === undefined ? undefined : { since: this.memory.since[id]! - this.#clockOffset }
  }

  /** How many records have been done with since the beginning. */
  get settled(): number {
    return this.#settled
  }

  /** Whether so many more spans would fit. */
  hasRoom(spans: number): boolean {
    if (this.#runs.hasPlaces && this.#spans + spans <= this.#maxSpans) return true
    this.settle()
    return this.#runs.hasPlaces && this.#spans + spans <= this.#maxSpans
  }

  /** Adds a record. Only after `hasRoom`. */
  add({ bytes, spans, key = '', number, since }: QueuedRecord): void {
    const id = this.#runs.takePlace()
    if (id === undefined) throw new Error('there is no memory left for a record')
    const { memory } = this
    const length = bytes.byteLength
    const start = id * BLOCK_BYTES
    memory.bytes.set(bytes, start)
    if (key !== '') memory.bytes.set(Buffer.from(key, 'latin1'), start + length)
    memory.lengths[id] = length
    memory.spans[id] = spans
    memory.keyLengths[id] = key.length
    memory.doubts[id] = 0
    memory.since[id] = since + this.#clockOffset
    this.#runs.use(id, blocksFor(length + key.length))
    this.#numbers[id] = number
    this.#live.push(id)
    this.#spans += spans
    Atomics.store(memory.states, id, wordOf(number, NEW))
    this.#runs.keepPlaces()
  }

  /** Takes back the memory of the records that are done with. Costs next to nothing when there are none. */
  settle(): void {
    const settled = Atomics.load(this.memory.control, SETTLED)
    if (settled === this.#settled || this.#sorting) return
    this.#settled = settled
    this.#sort((_, state) => (state < SENT ? undefined : fateIn(state)))
    this.#runs.keepPlaces()
  }

  /** Drops the record that waits longest, as `full`; false when none waits. */
  dropOldest(): boolean {
    for (const [at, id] of this.#live.entries()) {
      if (!this.#withdraw(id)) continue
      this.#live.splice(at, 1)
      this.#free(id, this.memory.doubts[id] === 1 ? 'inDoubt' : 'full')
      this.#runs.keepPlaces()
      return true
    }
    return false
  }

  /** Counts where the spans stand: `waitingSpans` and `takenSpans`. */
  count(): void {
    const { states, spans } = this.memory
    let taken = 0
    for (const id of this.#live) if (stateOf(Atomics.load(states, id)) >= IN_FLIGHT) taken += spans[id]!
    this.takenSpans = taken
    this.waitingSpans = this.#spans - taken
  }

  /**
   * The worker has ended: the records that it had are new again, and those that it was sending may be stored already.
   */
  recover(atLeastOnce: boolean): void {
    const { states, doubts } = this.memory
    this.settle()
    this.#sort((id, state) => {
      if (state >= SENT) return fateIn(state)
      if (state === IN_FLIGHT) {
        if (!atLeastOnce) return 'inDoubt'
        doubts[id] = 1
      }
      Atomics.store(states, id, wordOf(this.#numbers[id]!, NEW))
      return undefined
    })
    this.#runs.keepPlaces()
  }

  /** Frees all: what is left counts as lost, whatever the worker does from here on. */
  clear(): void {
    this.settle()
    this.#sort((id, state) => {
      if (state >= SENT) return fateIn(state)
      if (this.#withdraw(id)) return this.memory.doubts[id] === 1 ? 'inDoubt' : 'shutdown'
      const last = stateOf(Atomics.exchange(this.memory.states, id, FREE))
      return last < SENT ? 'inDoubt' : fateIn(last)
    })
  }

  /** Blocks until there was progress since `seen`, and `mostMs` milliseconds at the most. */
  waitForProgress(seen: number, mostMs: number): void {
    Atomics.wait(this.memory.control, PROGRESS, seen, mostMs)
  }

  /** Takes a waiting record back from the worker. */
  #withdraw(id: number): boolean {
    const { states } = this.memory
    const word = Atomics.load(states, id)
    const state = stateOf(word)
    if (state !== NEW && state !== WAITING) return false
    if (Atomics.compareExchange(states, id, word, FREE) === word) return true
    // The worker took it, or put it into its queue, just now.
    return this.#withdraw(id)
  }

  /** Frees the records that `fateOf` has a fate for; the others stay. */
  #sort(fateOf: (id: number, state: number) => 'sent' | LossReason | undefined): void {
    const { states } = this.memory
    // Who is told of a loss may report a span or ask for the accounts.
    this.#sorting = true
    const gone: [number, 'sent' | LossReason][] = []
    this.#live = this.#live.filter((id) => {
      const fate = fateOf(id, stateOf(Atomics.load(states, id)))
      if (fate !== undefined) gone.push([id, fate])
      return fate === undefined
    })
    this.#sorting = false
    for (const [id, fate] of gone) this.#free(id, fate)
  }

  #free(id: number, fate: 'sent' | LossReason): void {
    const { states, spans } = this.memory
    const count = spans[id]!
    Atomics.store(states, id, FREE)
    this.#runs.free(id)
    this.#spans -= count
    this.#onGone(this.#numbers[id]!, count, fate)
  }
}
