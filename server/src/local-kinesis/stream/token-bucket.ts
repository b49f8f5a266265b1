/** Lets through a given amount a second, and what was saved up in the second before. */
export class TokenBucket {
  readonly #perSecond: number
  /** In thousandths, so that whole milliseconds add up exactly. */
  #level: number
  #at: number

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond
    this.#level = perSecond * 1000
    this.#at = now
  }

  /** Whether there is room for `amount`. More than a whole second's worth fits when the bucket is full. */
  has(amount: number, now: number): boolean {
    return this.waitMs(amount, now) === 0
  }

  /** How many milliseconds until there is room for `amount`; 0 when there is. */
  waitMs(amount: number, now: number): number {
    if (this.#perSecond === Infinity) return 0
    const earned = Math.max(0, now - this.#at) * this.#perSecond
    this.#level = Math.min(this.#perSecond * 1000, this.#level + earned)
    this.#at = now
    const missing = Math.min(amount, this.#perSecond) * 1000 - this.#level
    return Math.max(0, Math.ceil(missing / this.#perSecond))
  }

  /** Takes `amount`, even if that is more than there is: whoever comes next waits until the debt is paid. */
  take(amount: number): void {
    // AWS makes a reader who got 10 MiB at 2 MiB/s wait for five whole seconds: nothing saved up counts then.
    this.#level = amount > this.#perSecond ? -amount * 1000 : this.#level - amount * 1000
  }
}
