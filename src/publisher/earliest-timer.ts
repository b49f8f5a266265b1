import { monotonicMs } from '../host/clock.ts'
import { stopTimer } from '../host/timers.ts'
import type { Background } from './background.ts'

/** One timer for all that a publisher waits for: it is set to the earliest time that was asked for. */
export class EarliestTimer {
  readonly #background: Background
  readonly #wake: () => void
  #timer: NodeJS.Timeout | undefined
  #at = 0

  /** `wake` is called when the time has come. It asks again for what is not due yet. */
  constructor(background: Background, wake: () => void) {
    this.#background = background
    this.#wake = wake
  }

  /** Has `wake` called after a delay at the latest. */
  wakeIn(delayMs: number): void {
    const at = monotonicMs() + delayMs
    if (this.#timer !== undefined && this.#at <= at) return
    stopTimer(this.#timer)
    this.#at = at
    this.#timer = this.#background.later(delayMs, this.#due)
  }

  stop(): void {
    stopTimer(this.#timer)
  }

  readonly #due = (): void => {
    this.#timer = undefined
    this.#wake()
  }
}
