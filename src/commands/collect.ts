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
  close(): Promise<void>
}

const SWEEP_MS = 100

/** `tdist collect`. Resolves to the exit code; rejects with a UsageError, or an error of one line. */
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
  try {
    await source.run(stop.signal)
  } finally {
    await destination.close()
    progress.stop()
    release()
  }
  progress.say(text())
  return 0
}

function openDestination({ to, settleMs }: CollectOptions, write: (text: string) => void): Destination {
  if (to === 'terminal') return traces(settleMs, treePrinter(write))
  if (to === 'json') return traces(settleMs, (spans) => write(`${JSON.stringify(mergeSpans(spans))}\n`))
  const forwarder = new ZipkinForwarder({ url: to.zipkin })
  return {
    take: (spans, record) => forwarder.add(spans, record),
    text: () => forwarderText(forwarder.stats()),
    close: () => forwarder.close(),
  }
}

function traces(settleMs: number, onTrace: (spans: ZipkinSpan[], end: TraceEnd) => void): Destination {
  const window = new TraceWindow({ settleMs, onTrace })
  const sweeps = setInterval(() => window.sweep(), SWEEP_MS)
  return {
    take: (spans) => window.add(spans),
    text: () => windowText(window.stats()),
    async close() {
      clearInterval(sweeps)
      window.close()
    },
  }
}

function treePrinter(write: (text: string) => void): (spans: ZipkinSpan[], end: TraceEnd) => void {
  const terminal = terminalOf(process.stdout)
  return (spans, end) => {
    const note = end === 'late' || end === 'evicted' ? end : ''
    write(`${terminalTree(traceTree(spans), terminal, note)}\n`)
  }
}
