import type { DataManager } from '../context/data-manager.ts'
import type { Publisher } from '../publisher/publisher.ts'
import type { Tracer } from './tracer.ts'

/** A service's tracing, made by `createTracing`: what every `traceX(tracing, …)` takes. */
export interface Tracing {
  /** The service's name, as it is shown and searched for. */
  readonly serviceName: string
  /** Whether anything is traced. False when the options or the environment say so, and when the options were wrong. */
  readonly enabled: boolean
  readonly tracer: Tracer
  readonly dataManager: DataManager
  readonly publisher: Publisher
  /** How often tracing itself failed, by place. The calls it failed in went on untraced. */
  readonly faults: Record<string, number>
  /** How long the message handled last was on its way, in milliseconds, by topic. */
  readonly messageDelays: Record<string, number>
  /** How many spans nothing ended until their age did, by place: `thrift server`. */
  readonly endedByAge: Record<string, number>
  /**
   * Sends what is queued. Resolves when it is sent, or after `deadlineMs` milliseconds (default 2000). Never rejects.
   */
  flush(deadlineMs?: number): Promise<void>
  /** Flushes as `flush` does, then stops for good: later spans are counted as dropped. Never rejects. */
  close(deadlineMs?: number): Promise<void>
  /**
   * What became of all spans, and how often tracing itself failed, as text. `prometheus` (the default): the answer to a
   * scrape. `graphite`: lines for Carbon's plaintext port. `statsd`: lines for a StatsD socket; counters are increments
   * since the last call, so call it from one place. `prefix` begins the names of the last two, by default
   * `tdist.<service>`. Never throws; returns an empty string when it fails.
   */
  metrics(format?: 'prometheus' | 'graphite' | 'statsd', prefix?: string): string
  /** Counts in `faults` that a part of tracing failed at a place, and says so in one line a minute. Never throws. */
  failed(where: string, error: unknown): void
}
