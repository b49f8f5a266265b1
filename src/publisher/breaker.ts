const FIRST_MS = 100
const LONGEST_MS = 5000
/** A probe that hangs must not keep the next one back. */
const PROBE_MS = 1000

/**
 * Holds calls back after whole calls have failed: for a random part of 100 ms, 200 ms, 400 ms ... 5 s (full
 * jitter). After the wait one call goes out as a probe, and another each second until one of them has ended; any
 * success opens the way again.
 */
export class Breaker {
  #failures = 0
  #until = 0

  /** How many calls have failed since one went through. Those in flight together count as one. */
  get failures(): number {
    return this.#failures
  }

  /** How long to wait before the next call, in milliseconds; 0 is no wait. */
  waitMs(now: number): number {
    return Math.max(0, this.#until - now)
  }

  /** A call begins. */
  started(now: number): void {
    if (this.#failures > 0) this.#until = now + PROBE_MS
  }

  /** A call failed; `failuresAtStart` is what `failures` was when it began. */
  failed(failuresAtStart: number, now: number): void {
    if (failuresAtStart !== this.#failures) return
    this.#failures++
    this.pause(now, Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures - 1, 10)))
  }

  succeeded(): void {
    this.#failures = 0
    this.#until = 0
  }

  /** Waits for a random part of `mostMs`, and no failure is counted. */
  pause(now: number, mostMs: number = FIRST_MS): void {
    this.#until = now + Math.random() * mostMs
  }

  /** The next call may go now, as a probe. */
  tryNow(): void {
    this.#until = 0
  }
}
