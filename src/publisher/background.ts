import { describe, warn } from '../host/log.ts'
import { startTimer } from '../host/timers.ts'

/** Says on standard error that the publisher itself failed. */
export function publisherFailed(error: unknown): void {
  warn('publisher', `the publisher failed: ${describe(error)}`)
}

/**
 * Where a publisher does what nobody waits for: outside any request's context, so that nothing it sets holds or extends
 * a request. What fails there is said on standard error, and reaches nobody.
 */
export class Background {
  readonly #outside: <T>(fn: () => T) => T

  /** `outside`: see `Surroundings`. */
  constructor(outside: <T>(fn: () => T) => T) {
    this.#outside = outside
  }

  /** Runs `fn` now. Returns what it returns; undefined when it throws. */
  run<T>(fn: () => T): T | undefined {
    try {
      return this.#outside(fn)
    } catch (error) {
      publisherFailed(error)
      return undefined
    }
  }

  /** Runs `fn` after a delay, by a timer that does not keep the process alive. */
  later(delayMs: number, fn: () => void): NodeJS.Timeout | undefined {
    const guarded = (): void => {
      try {
        fn()
      } catch (error) {
        publisherFailed(error)
      }
    }
    return this.run(() => startTimer(guarded, delayMs).unref())
  }
}
