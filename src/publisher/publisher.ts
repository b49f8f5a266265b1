import type { ZipkinSpan } from '../codec/zipkin-span.ts'
import type { PublisherStats } from './metrics.ts'

/**
 * Takes finished spans, encodes them at once into records, and gives the records to a sender in the background. It
 * holds a bounded amount of memory, retries what failed, and accounts for every span: see `PublisherStats`. It never
 * throws into its caller. It never makes the caller wait or keeps the process alive, but for `flush` and `close`.
 */
export interface Publisher {
  /** Takes a finished span. It is encoded before this returns, and may be changed or reused after. */
  report(span: ZipkinSpan): void
  /**
   * Sends what was reported before this call, and resolves when all of it has been sent or lost, or after
   * `deadlineMs` milliseconds (default 2000). Never rejects. Keeps the process alive until then.
   */
  flush(deadlineMs?: number): Promise<void>
  /**
   * Takes no more spans, flushes, stops and closes the sender. What could not be sent within `deadlineMs` milliseconds
   * (default 2000) is counted: as dropped by `shutdown`, or as in doubt when it was in a call. Never rejects.
   */
  close(deadlineMs?: number): Promise<void>
  /** What has become of all spans so far. */
  stats(): PublisherStats
}
