import { writeSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

/** Marks our signal handlers, those of another copy of this package included. */
const OURS = Symbol.for('tdist.ending')

interface Handler {
  (signal: NodeJS.Signals): void
  [OURS]?: true
}

/**
 * Flushes before the process ends: when nothing is left to do (`beforeExit`), on SIGTERM and on SIGINT. The
 * process still ends with its own code or signal: where the service has a handler of its own for a signal, it alone
 * decides; where it has none, the signal is raised again once `flush` has settled. `process.exit()` and an
 * uncaught error leave no time to flush: `flushNow` may send what it can before it returns, and what `unsent` then
 * says is written to standard error in one line, after what `sayMore` has to say.
 *
 * Returns the undo. `deadlineMs`, 2000 by default, is passed to `flush`; the process does not wait much longer.
 */
export function flushAtExit(
  flush: (deadlineMs: number) => Promise<void>,
  deadlineMs: number = 2000,
  unsent?: () => number,
  sayMore?: () => void,
  flushNow?: () => void,
): () => void {
  const left = (): number => {
    try {
      return unsent?.() ?? 0
    } catch {
      return 0
    }
  }

  // Flushing wakes the event loop, and so `beforeExit` comes again, with new spans perhaps: all of its
  // flushes together keep to the deadline.
  let remainingMs = deadlineMs
  const onBeforeExit = (): void => {
    if (remainingMs <= 0 || (unsent && left() === 0)) return
    const start = performance.now()
    void within(remainingMs, flush).then(() => {
      remainingMs = unsent ? remainingMs - (performance.now() - start) : 0
    })
  }

  const sayLoss = (): void => {
    try {
      sayMore?.()
    } catch {
      // It is too late to say it otherwise.
    }
    const spans = left()
    if (spans === 0) return
    try {
      writeSync(
        2,
        `tdist: ${spans} ${spans === 1 ? 'span was' : 'spans were'} not sent before the process ended\n`,
      )
    } catch {
      // A closed standard error is the service's own affair.
    }
  }

  const onExit = (): void => {
    try {
      flushNow?.()
    } catch {
      // The process ends as it would.
    }
    sayLoss()
  }

  let isEnding = false
  const onSignal: Handler = (signal) => {
    const others = process.listeners(signal).filter((listener) => !(listener as Handler)[OURS])
    if (others.length > 0) {
      stepAside(signal, onSignal)
      void within(deadlineMs, flush)
    } else if (isEnding) {
      raise(signal, onSignal)
    } else {
      isEnding = true
      void within(deadlineMs, flush).then(() => {
        sayLoss()
        raise(signal, onSignal)
      })
    }
  }
  onSignal[OURS] = true

  process.on('beforeExit', onBeforeExit)
  process.on('exit', onExit)
  process.prependListener('SIGTERM', onSignal)
  process.prependListener('SIGINT', onSignal)

  return () => {
    process.off('beforeExit', onBeforeExit)
    process.off('exit', onExit)
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
}

/** Settles when the flush has, and 200 ms after the deadline at the latest. Never rejects. */
function within(deadlineMs: number, flush: (deadlineMs: number) => Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, deadlineMs + 200)
    const flushed = async (): Promise<void> => flush(deadlineMs)
    void flushed()
      // What was lost is said at the end, whatever the cause.
      .catch(() => {})
      .finally(() => {
        clearTimeout(timer)
        resolve()
      })
  })
}

/**
 * Takes the handler away while the others run. Packages such as signal-exit end the process only when they find
 * no handler but their own: with ours there, the signal would end nothing.
 */
function stepAside(signal: NodeJS.Signals, handler: Handler): void {
  process.off(signal, handler)
  queueMicrotask(() => process.prependListener(signal, handler))
}

/** Ends the process by the signal, once the last of our handlers is done. */
function raise(signal: NodeJS.Signals, handler: Handler): void {
  process.off(signal, handler)
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
}
