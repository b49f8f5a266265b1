/** A call in flight. */
export interface CallInFlight {
  /** When it began, in monotonic milliseconds. */
  readonly startedAt: number
  /** Whether it takes one of the places. */
  counts: boolean
}

/** How many calls there may be in all, for each place: those that hang still have a connection. */
const CALLS_PER_PLACE = 4
const SHORTEST_ALLOWANCE_MS = 500
const FIRST_ALLOWANCE_MS = 1000
/** An answer is late when it takes this many times as long as answers usually take. */
const LATE = 4

/**
 * The calls in flight, and whether there is a place for another. A call whose answer is late gives up its place, so
 * that one that hangs until its timeout does not hold up the others. When nothing at all is answered any more, calls
 * go out one at a time and ever more slowly: each of them holds memory.
 */
export class CallsInFlight {
  readonly #calls = new Set<CallInFlight>()
  readonly #most: number
  #counting = 0
  #usualMs: number | undefined
  /** How many calls have become late since the last answer. */
  #late = 0

  constructor(places: number) {
    this.#most = places * CALLS_PER_PLACE
  }

  get size(): number {
    return this.#calls.size
  }

  /**
   * How long until one of `places` is free, in milliseconds; 0 when one is, Infinity when it takes the end of a
   * call.
   */
  waitMs(places: number, now: number): number {
    if (this.#calls.size >= this.#most) return Infinity
    if (this.#counting < (this.#late > 0 ? 1 : places)) return 0
    const allowanceMs = this.#allowanceMs()
    let soonest = Infinity
    for (const call of this.#calls) {
      if (!call.counts) continue
      const leftMs = call.startedAt + allowanceMs - now
      if (leftMs <= 0) {
        this.#uncount(call)
        this.#late++
      } else soonest = Math.min(soonest, leftMs)
    }
    return this.#counting < (this.#late > 0 ? 1 : places) ? 0 : soonest
  }

  started(now: number): CallInFlight {
    const call = { startedAt: now, counts: true }
    this.#calls.add(call)
    this.#counting++
    return call
  }

  /** A call has ended; `answered` when it did not end for want of an answer. */
  ended(call: CallInFlight, answered: boolean, now: number): void {
    this.#calls.delete(call)
    if (call.counts) this.#counting--
    if (!answered) return
    this.#late = 0
    const ms = now - call.startedAt
    this.#usualMs = this.#usualMs === undefined ? ms : this.#usualMs + (ms - this.#usualMs) / 8
  }

  /** Gives up the places of all calls in flight: they hold up no other call. */
  uncountAll(): void {
    for (const call of this.#calls) if (call.counts) this.#uncount(call)
  }

  #uncount(call: CallInFlight): void {
    call.counts = false
    this.#counting--
  }

  #allowanceMs(): number {
    const usual = this.#usualMs
    const allowanceMs =
      usual === undefined ? FIRST_ALLOWANCE_MS : Math.max(SHORTEST_ALLOWANCE_MS, usual * LATE)
    return allowanceMs * 2 ** Math.min(this.#late, 8)
  }
}
