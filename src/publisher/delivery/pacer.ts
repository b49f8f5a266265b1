/** Never slower than this, in bytes a second: one full record. */
const SLOWEST = 51_200
/** Over how long goodput (what went through) is measured, in milliseconds. */
const WINDOW_MS = 1000
/** How many milliseconds a late timer may catch up. */
const CATCH_UP_MS = 100
/** How long after a cut of the rate the next one may follow, in milliseconds: the answers must show the first one. */
const CUT_EVERY_MS = 1000
/** The same where more than half of a call is refused: the rate is far off. */
const CUT_SOON_MS = 250
const GROWTH = 0.02

/**
 * How many bytes a second go out. As many as there are, until the collector says that it was too much: then 95 % of
 * what it took, and 2 % more with each call of which it took something. The longer it has not complained the larger
 * the steps.
 */
export class Pacer {
  #rate = Infinity
  #nextAt = 0
  #cutAt = -Infinity
  #throttledAt = 0
  readonly #offered = new Throughput()
  readonly #taken = new Throughput()

  /** How many bytes a second may go out; Infinity as long as nothing was too much. */
  get rate(): number {
    return this.#rate
  }

  /** How long to wait before the next call, in milliseconds; 0 is no wait. */
  waitMs(now: number): number {
    return Math.max(0, this.#nextAt - now)
  }

  /** How large a call may be, `most` at the most: the slower the rate the smaller the calls, to keep it even. */
  callBytes(most: number): number {
    return Math.min(most, this.#rate / 8)
  }

  /** A call of so many bytes begins. */
  started(bytes: number, now: number): void {
    this.#nextAt = Math.max(this.#nextAt, now - CATCH_UP_MS) + (bytes / this.#rate) * 1000
  }

  /** A call has ended, in which so many bytes were sent and so many were too much. */
  ended(sentBytes: number, throttledBytes: number, now: number): void {
    const offered = this.#offered.add(sentBytes + throttledBytes, now)
    const taken = this.#taken.add(sentBytes, now)
    if (throttledBytes > 0) {
      this.#throttledAt = now
      const isFarOff = throttledBytes > sentBytes
      if (now - this.#cutAt >= (isFarOff ? CUT_SOON_MS : CUT_EVERY_MS)) {
        this.#cutAt = now
        this.#rate = Math.max(0.95 * taken, Math.min(this.#rate, offered) / 2, SLOWEST)
        return
      }
    }
    if (sentBytes > 0) {
      const quietSeconds = Math.max(0, now - this.#throttledAt) / 1000
      this.#rate *= 1 + GROWTH * Math.min(10, Math.max(1, quietSeconds - 1))
    }
  }
}

/** Measures bytes a second; the latest count most. */
class Throughput {
  #bytesPerSecond = 0
  #at: number | undefined

  add(bytes: number, now: number): number {
    const elapsed = Math.max(1, now - (this.#at ?? now - WINDOW_MS))
    this.#at = now
    const kept = Math.exp(-elapsed / WINDOW_MS)
    this.#bytesPerSecond = this.#bytesPerSecond * kept + ((bytes * 1000) / elapsed) * (1 - kept)
    return this.#bytesPerSecond
  }
}
