import { random } from '../../host/timers.ts'
const FIRST_MS = 100
const LONGEST_MS = 5000

/**
 * Holds calls back after whole calls have failed: for a random part of 100 ms, 200 ms, 400 ms ... 5 s (full
 * jitter). After the wait a call goes out as a probe; any success opens the way again.
 */
export class Breaker {
  #failures = 0
  #until = 0
  /** A call that began before this says nothing new. */
  #judgedAt = -Infinity

  /** How many calls have failed since one went through. Those in flight together count as one. */
  get failures(): number {
    return this.#failures
  }

  /** How long to wait before the next call, in milliseconds; 0 is no wait. */
  waitMs(now: number): number {
    return Math.max(0, this.#until - now)
  }

  /** A call failed. Returns whether that is news, which it is unless a later call has ended already. */
  failed(startedAt: number, now: number): boolean {
    if (startedAt < this.#judgedAt) return false
    this.#judgedAt = now
    this.#failures++
    const mostMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures - 1, 10))
    this.#until = now + random() * mostMs
    return true
  }

  /** A call was answered. */
  succeeded(startedAt: number): void {
    this.#judgedAt = Math.max(this.#judgedAt, startedAt)
    this.#failures = 0
    this.#until = 0
  }

  /** The next call may go now, as a probe. */
  tryNow(): void {
    this.#until = 0
  }
}
