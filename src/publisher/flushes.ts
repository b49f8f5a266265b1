interface Flush {
  /** The number of the last record it waits for. */
  readonly upTo: number
  left: number
  readonly done: () => void
}

/** The flushes that wait, and the records they wait for. */
export class Flushes {
  readonly #waiting = new Set<Flush>()

  /** Whether any waits. */
  get waiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Resolves when `left` records numbered `upTo` or less have gone, or after `deadlineMs`. */
  wait(upTo: number, left: number, deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      // This timer is not unref'd: a flush keeps the process alive, and nothing else here does.
      const timer = setTimeout(() => {
        try {
          flush.done()
        } catch {
          resolve()
        }
      }, deadlineMs)
      const flush: Flush = {
        upTo,
        left,
        done: () => {
          clearTimeout(timer)
          this.#waiting.delete(flush)
          resolve()
        },
      }
      this.#waiting.add(flush)
    })
  }

  /** The record of this number has been sent or lost. */
  gone(number: number): void {
    for (const flush of this.#waiting) {
      if (number <= flush.upTo && --flush.left === 0) flush.done()
    }
  }

  /** Nothing more will go. */
  end(): void {
    for (const flush of this.#waiting) flush.done()
  }
}
