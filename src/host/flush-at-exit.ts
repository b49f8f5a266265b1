import { writeSync } from 'node:fs'
import { monotonicMs } from './clock.ts'
import { onMicrotask, startTimer, stopTimer } from './timers.ts'

/** Something that has spans to send before the process ends: a publisher, of this copy of the package or of another. */
export interface Ending {
  /**
   * Sends what there is. Resolves to whether all has gone: after `deadlineMs` at the latest, sooner where that is
   * hopeless.
   */
  flushAtEnd(deadlineMs: number): Promise<boolean>
  /** How many spans have not been sent. */
  unsent(): number
  /** Says on standard error what was lost and has not been said yet. */
  sayLosses(): void
  /** Sends what it can before it returns: it blocks. */
  flushNow(): void
}

/** An ending, held weakly: spans that are not sent yet are held by the timer or the call that will send them. */
interface Entry {
  readonly ending: WeakRef<Ending>
  /** Whether it was flushed before the end, in vain. */
  hopeless: boolean
}

/** The key on our handlers of the endings of this process, those of other copies of the package included. */
const ENDINGS = Symbol.for('tdist.endings')
const DEADLINE_MS = 2000
/**
 * The signals that end a process which does not listen for them. SIGQUIT is left to the system: it asks for a dump of
 * the process as it is. SIGBREAK is Windows'.
 */
const SIGNALS: readonly NodeJS.Signals[] = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  ...(process.platform === 'win32' ? (['SIGBREAK'] as const) : []),
]

/**
 * Flushes before the process ends: when nothing is left to do (`beforeExit`), and on SIGTERM, SIGINT and SIGHUP. The
 * process still ends with its own code or signal: where the service has a handler of its own for a signal, it alone
 * decides; where it has none, the signal is raised again once all is flushed, or with the next signal. `process.exit()`
 * and an uncaught error leave no time to flush: `flushNow` may send what it can. What is unsent at the end is written
 * to standard error in one line, after what `sayLosses` has to say.
 *
 * A process has one set of handlers, however many endings. Returns the undo.
 */
export function flushAtExit(ending: Ending): () => void {
  const endings = endingsHere() ?? hookProcess()
  for (const entry of endings) if (!entry.ending.deref()) endings.delete(entry)
  const entry: Entry = { ending: new WeakRef(ending), hopeless: false }
  endings.add(entry)
  return () => {
    endings.delete(entry)
  }
}

function endingsHere(): Set<Entry> | undefined {
  for (const listener of process.listeners('exit')) {
    const { [ENDINGS]: endings } = listener as { [ENDINGS]?: Set<Entry> }
    if (endings) return endings
  }
  return undefined
}

/** Puts the handlers on the process. They are taken off with the last ending. Returns the set of endings. */
function hookProcess(): Set<Entry> {
  const endings = new (class extends Set<Entry> {
    override delete(entry: Entry): boolean {
      const deleted = super.delete(entry)
      if (deleted && this.size === 0) unhook()
      return deleted
    }
  })()
  let hooked = true
  let isEnding = false

  // Flushing wakes the event loop, and so `beforeExit` comes again, with new spans perhaps: all of its flushes together
  // keep to the deadline.
  let remainingMs = DEADLINE_MS
  const onBeforeExit = (): void => {
    const unsent = [...endings].filter((entry) => !entry.hopeless && unsentOf(entry) > 0)
    if (remainingMs <= 0 || unsent.length === 0) return
    const start = monotonicMs()
    void flushed(unsent, remainingMs).then(() => {
      remainingMs -= monotonicMs() - start
    })
  }

  const onExit = (): void => {
    for (const entry of endings) {
      // To wait again for a flush that was in vain would only hold the process.
      if (!entry.hopeless) quietly(() => entry.ending.deref()?.flushNow())
    }
    sayLoss(endings)
  }

  const onSignal = (signal: NodeJS.Signals): void => {
    if (process.listeners(signal).some((listener) => listener !== onSignal)) {
      stepAside(signal)
      void flushed(
        [...endings].map(({ ending }) => ({ ending, hopeless: false })),
        DEADLINE_MS,
      )
    } else if (isEnding) {
      raise(signal)
    } else {
      isEnding = true
      void flushed([...endings], DEADLINE_MS).then(() => raise(signal))
    }
  }

  /**
   * Takes the handler away while the others run. Packages such as signal-exit end the process only when they find
   * no handler but their own: with ours there, the signal would end nothing.
   */
  const stepAside = (signal: NodeJS.Signals): void => {
    process.off(signal, onSignal)
    onMicrotask(() => {
      if (hooked) process.prependListener(signal, onSignal)
    })
  }

  /** Ends the process by the signal, and says what is lost by it: after this nothing of ours runs. */
  const raise = (signal: NodeJS.Signals): void => {
    sayLoss(endings)
    process.off(signal, onSignal)
    process.kill(process.pid, signal)
  }

  const unhook = (): void => {
    hooked = false
    process.off('beforeExit', onBeforeExit)
    process.off('exit', onExit)
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }

  process.on('beforeExit', onBeforeExit)
  process.on('exit', Object.assign(onExit, { [ENDINGS]: endings }))
  for (const signal of SIGNALS) process.prependListener(signal, onSignal)
  return endings
}

/** Settles when all have been flushed, and 200 ms after the deadline at the latest. Never rejects. */
async function flushed(entries: readonly Entry[], deadlineMs: number): Promise<void> {
  await Promise.all(
    entries.map(async (entry) => {
      const ending = entry.ending.deref()
      if (ending) entry.hopeless = !(await within(deadlineMs, ending))
    }),
  )
}

function within(deadlineMs: number, ending: Ending): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = startTimer(() => resolve(false), deadlineMs + 200)
    const flush = async (): Promise<boolean> => ending.flushAtEnd(deadlineMs)
    void flush()
      // What was lost is said at the end, whatever the cause.
      .catch(() => false)
      .then((done) => {
        stopTimer(timer)
        resolve(done)
      })
  })
}

function sayLoss(endings: Iterable<Entry>): void {
  let spans = 0
  for (const entry of endings) {
    quietly(() => entry.ending.deref()?.sayLosses())
    spans += unsentOf(entry)
  }
  if (spans === 0) return
  // A closed standard error is the service's own affair.
  quietly(() =>
    writeSync(
      2,
      `tdist: ${spans} ${spans === 1 ? 'span was' : 'spans were'} not sent before the process ended\n`,
    ),
  )
}

function unsentOf({ ending }: Entry): number {
  return quietly(() => ending.deref()?.unsent()) ?? 0
}

/** Runs something at the end of the process, which ends as it would, whatever fails here. */
function quietly<T>(fn: () => T): T | undefined {
  try {
    return fn()
  } catch {
    return undefined
  }
}
