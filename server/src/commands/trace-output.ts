import type { ZipkinSpan } from '../../../src/codec/zipkin-span.ts'
import { terminalOf } from '../terminal/terminal.ts'
import { terminalTree } from '../terminal/tree.ts'
import { type TraceEnd, TraceWindow, type TraceWindowOptions } from '../traces/trace-window.ts'
import { traceTree } from '../traces/trace-tree.ts'
import { windowText } from './progress.ts'
import type { Destination } from './read-stream.ts'

const SWEEP_MS = 100

type Waits = Pick<TraceWindowOptions, 'settleMs' | 'callWaitMs'>

/** Writes each trace to standard output when it is complete. Takes spans no faster than standard output is read. */
export class TraceOutput implements Destination {
  readonly #window: TraceWindow
  readonly #sweeps: NodeJS.Timeout
  #draining: Promise<void> | undefined

  constructor(waits: Waits, write: (spans: ZipkinSpan[], end: TraceEnd) => void) {
    this.#window = new TraceWindow({ ...waits, onTrace: write })
    this.#sweeps = setInterval(() => this.#window.sweep(), SWEEP_MS)
  }

  readonly take = async (spans: ZipkinSpan[]): Promise<void> => {
    this.#window.add(spans)
    if (process.stdout.writableNeedDrain)
      await (this.#draining ??= drained().finally(() => (this.#draining = undefined)))
  }

  text(): string {
    return windowText(this.#window.stats())
  }

  /** How many traces were shown before they were complete, to keep memory bounded. */
  get evicted(): number {
    return this.#window.stats().ends.evicted
  }

  close(): Promise<number> {
    clearInterval(this.#sweeps)
    this.#window.close()
    return Promise.resolve(0)
  }
}

/** Resolves when standard output takes more, or is closed. */
function drained(): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      process.stdout.off('drain', done).off('close', done)
      resolve()
    }
    process.stdout.on('drain', done).on('close', done)
  })
}

/** Draws a trace as a tree; returns whether all of it is there. */
export function drawTrace(spans: ZipkinSpan[], end: TraceEnd, write: (text: string) => void): boolean {
  const tree = traceTree(spans)
  const note = end === 'late' || end === 'evicted' ? end : ''
  write(`${terminalTree(tree, terminalOf(process.stdout), note)}\n`)
  return tree.whole
}
