import type { ZipkinSpan } from '../codec/zipkin-span.ts'
import { Collector, type SpanSink } from '../collector/collector.ts'
import { KinesisSource } from '../collector/kinesis-source.ts'
import { type TraceEnd, TraceWindow } from '../collector/trace-window.ts'
import { ZipkinForwarder } from '../collector/zipkin-forwarder.ts'
import { mergeSpans } from '../storage/merge-spans.ts'
import { traceTree } from '../storage/trace-tree.ts'
import { terminalOf } from '../viewer/terminal.ts'
import { terminalTree } from '../viewer/terminal-tree.ts'
import { COLLECT_HELP, type CollectOptions, parseCollectOptions } from './collect-options.ts'
import { collectorText, forwarderText, Progress, sourceText, windowText } from './progress.ts'
import { stopOnSignal } from './stop-signal.ts'

/** Where spans go from the collector, what to say of it, and its end. */
interface Destination {
  readonly take: SpanSink
  text(): string
  /** Ends it, and says how many spans it took and could not deliver. */
  close(): Promise<number>
}

const SWEEP_MS = 100
/** How long what is held may take to be delivered once the command is told to end. */
const CLOSE_MS = 4000

/**
 * `tdist collect`. Resolves to the exit code, 1 when spans were lost on their way; rejects with a UsageError, or an
 * error of one line.
 */
export async function collect(args: string[]): Promise<number> {
  const options = parseCollectOptions(args)
  if (!options) {
    process.stdout.write(COLLECT_HELP)
    return 0
  }
  const { stop, release } = stopOnSignal()
  // Whoever read the traces has gone, as `head` does.
  process.stdout.on('error', () => stop.abort())

  const write = (text: string): void => {
    progress.clear()
    process.stdout.write(text)
  }
  const destination = openDestination(options, write)
  const collector = new Collector(destination.take)
  const source = new KinesisSource({ ...options, onNote: (line) => progress.say(line) }, (record) =>
    collector.accept(record),
  )
  const text = (): string => `${collectorText(collector.metrics)}; ${destination.text()}`
  const progress = new Progress(() => `${sourceText(source.stats())}; ${text()}`)
  let lost = 0
  try {
    await source.run(stop.signal)
  } finally {
    lost = (await destination.close()) + collector.metrics.spansDropped
    progress.stop()
    release()
  }
  progress.say(text())
  return lost > 0 ? 1 : 0
}

function openDestination({ to, settleMs }: CollectOptions, write: (text: string) => void): Destination {
  if (to === 'terminal') return traces(settleMs, treePrinter(write))
  if (to === 'json') return traces(settleMs, (spans) => write(`${JSON.stringify(mergeSpans(spans))}\n`))
  const forwarder = new ZipkinForwarder({ url: to.zipkin })
  return {
    take: (spans, record) => forwarder.add(spans, record),
    text: () => forwarderText(forwarder.stats()),
    async close() {
      await forwarder.close(CLOSE_MS)
      const { rejected, unsent } = forwarder.stats()
      return rejected + unsent
    },
  }
}

function traces(settleMs: number, onTrace: (spans: ZipkinSpan[], end: TraceEnd) => void): Destination {
  const window = new TraceWindow({ settleMs, onTrace })
  let draining: Promise<void> | undefined
  const sweeps = setInterval(() => window.sweep(), SWEEP_MS)
  return {
    async take(spans) {
      window.add(spans)
      // Whoever reads the traces may be slower than they come.
      if (process.stdout.writableNeedDrain)
        await (draining ??= drained().finally(() => (draining = undefined)))
    },
    text: () => windowText(window.stats()),
    async close() {
      clearInterval(sweeps)
      window.close()
      return 0
    },
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

function treePrinter(write: (text: string) => void): (spans: ZipkinSpan[], end: TraceEnd) => void {
  const terminal = terminalOf(process.stdout)
  return (spans, end) => {
    const note = end === 'late' || end === 'evicted' ? end : ''
    write(`${terminalTree(traceTree(spans), terminal, note)}\n`)
  }
}
