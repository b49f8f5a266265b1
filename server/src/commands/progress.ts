import type { CollectorMetrics } from '../collector/collector.ts'
import type { KinesisSourceStats } from '../collector/sources/kinesis/kinesis-source.ts'
import type { TraceWindowStats } from '../traces/trace-window.ts'
import type { ZipkinForwarderStats } from '../collector/zipkin-forwarder.ts'
import { say } from '../log.ts'
import { counted } from '../terminal/counted.ts'

const LIVE_MS = 250
const LINE_MS = 5000

/**
 * Shows a line about what goes on. On a terminal it is redrawn in place; elsewhere it is written every five seconds
 * if it has changed.
 */
export class Progress {
  readonly #isLive = process.stderr.isTTY
  readonly #text: () => string
  readonly #timer: NodeJS.Timeout
  #last = ''

  constructor(text: () => string) {
    this.#text = text
    this.#timer = setInterval(() => this.#show(), this.#isLive ? LIVE_MS : LINE_MS)
  }

  /** Writes a line of its own to standard error. */
  say(line: string): void {
    this.clear()
    say(line)
  }

  /** Takes the live line away, so that something else can be written. */
  clear(): void {
    if (this.#isLive) process.stderr.write('\x1b[2K')
  }

  stop(): void {
    clearInterval(this.#timer)
    this.clear()
  }

  #show(): void {
    const text = this.#text()
    if (this.#isLive) {
      const columns = (process.stderr.columns || 80) - 1
      // The cursor stays at the start of the line: whatever is written next goes over it.
      process.stderr.write(`\x1b[2K${text.slice(0, columns)}\r`)
    } else if (text !== this.#last) {
      say(text)
    }
    this.#last = text
  }
}

/** Says how far the reading of a stream has come. */
export function sourceText({ shards, behindMs }: KinesisSourceStats): string {
  const many = counted(shards, 'shard')
  if (behindMs === undefined) return many
  return `${many}, ${behindMs === 0 ? 'up to date' : `${(behindMs / 1000).toFixed(1)} s behind`}`
}

/** Says how many records and spans came, and how many were dropped. */
export function collectorText(metrics: CollectorMetrics): string {
  const { messages, messagesDropped, spans, spansDropped } = metrics
  const dropped = `dropped ${counted(messagesDropped, 'record')}, ${counted(spansDropped, 'span')}`
  return `${counted(messages, 'record')}, ${counted(spans, 'span')}; ${dropped}`
}

/** Says what became of the traces. */
export function windowText({ ends, traces, duplicates }: TraceWindowStats): string {
  const out = ends.complete + ends.overdue + ends.evicted + ends.closed
  const parts = [counted(out, 'trace')]
  if (ends.overdue + ends.closed > 0) parts.push(`${ends.overdue + ends.closed} incomplete`)
  if (ends.evicted > 0) parts.push(`${ends.evicted} evicted`)
  if (ends.late > 0) parts.push(`${ends.late} late`)
  if (duplicates > 0) parts.push(counted(duplicates, 'duplicate'))
  if (traces > 0) parts.push(`${traces} open`)
  return parts.join(', ')
}

/** Says what became of the spans that were to be forwarded. */
export function forwarderText({ sent, rejected, unsent, held, retries }: ZipkinForwarderStats): string {
  const parts = [`sent ${counted(sent, 'span')}`]
  if (held > 0) parts.push(`${held} held`)
  if (retries > 0) parts.push(counted(retries, 'retry', 'retries'))
  if (rejected > 0) parts.push(`${rejected} rejected`)
  if (unsent > 0) parts.push(`${unsent} unsent`)
  return parts.join(', ')
}
