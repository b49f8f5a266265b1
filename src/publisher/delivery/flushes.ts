import { monotonicMs } from '../../host/clock.ts'
import { startTimer, stopTimer } from '../../host/timers.ts'

interface Flush {
  /** The number of the last record it waits for. */
  readonly upTo: number
  left: number
  /** When the flush began, or the last record went, in monotonic milliseconds. */
  movedAt: number
  readonly done: () => void
}

interface FlushOptions {
  /** Whether calls fail. Where they do and nothing gets through any more, the flush ends early. */
  readonly isFailing?: () => boolean
  /** Whether the flush lets the process end: something else keeps it alive. */
  readonly unref?: boolean
}

/** How long a process that ends waits with nothing sent, in milliseconds, where calls fail. */
export const HOPELESS_MS = 400
/** How often a flush looks whether it is hopeless, in milliseconds. */
export const LOOK_MS = 25

/** The flushes that wait, and the records they wait for. */
export class Flushes {
  readonly #waiting = new Set<Flush>()

  /** Whether any waits. */
  get waiting(): boolean {
    return this.#waiting.size > 0
  }

  /**
   * Resolves when `left` records numbered `upTo` or less have been sent or lost, or after `deadlineMs`: to whether all
   * have. Keeps the process alive until then.
   */
  wait(
    upTo: number,
    left: number,
    deadlineMs: number,
    { isFailing, unref = false }: FlushOptions = {},
  ): Promise<boolean> {
    return new Promise((resolve) => {
      const until = monotonicMs() + deadlineMs
      const arm = (delayMs: number): NodeJS.Timeout => {
        const armed = startTimer(() => {
          try {
            look()
          } catch {
            resolve(false)
          }
        }, delayMs)
        return unref ? armed.unref() : armed
      }
      const look = (): void => {
        const now = monotonicMs()
        // Timers may come a fraction of a millisecond early.
        if (until - now < 1 || (isFailing?.() && now - flush.movedAt >= HOPELESS_MS)) return flush.done()
        timer = arm(Math.min(until - now, isFailing ? LOOK_MS : Infinity))
      }
      let timer = arm(isFailing ? Math.min(deadlineMs, LOOK_MS) : deadlineMs)
      const flush: Flush = {
        upTo,
        left,
        movedAt: monotonicMs(),
        done: () => {
          stopTimer(timer)
          this.#waiting.delete(flush)
          resolve(flush.left === 0)
        },
      }
      this.#waiting.add(flush)
    })
  }

  /** The record of this number has been sent or lost. */
  gone(number: number): void {
    if (this.#waiting.size === 0) return
    const movedAt = monotonicMs()
    for (const flush of this.#waiting) {
      flush.movedAt = movedAt
      if (number <= flush.upTo && --flush.left === 0) flush.done()
    }
  }

  /** Ends all flushes: nothing more will be sent. */
  end(): void {
    for (const flush of this.#waiting) flush.done()
  }
}
