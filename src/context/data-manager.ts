import type { EventEmitter } from 'node:events'
import type { Span } from '../span/span.ts'
import type { LogFields } from './log-fields.ts'

/**
 * Holds the current span of the running code (Brave's CurrentTraceContext). What is current in a scope is
 * current in everything the scope starts: promises, timers, callbacks.
 */
export interface DataManager {
  /** The span that the running code belongs to; undefined outside any. */
  readonly current: Span | undefined
  /** Runs `fn` with `span` current, or with none, and returns what `fn` returns. */
  run<T>(span: Span | undefined, fn: () => T): T
  /** Returns a function that runs `fn` with the span that is current now. */
  bind<F extends (...args: never[]) => unknown>(fn: F): F
  /**
   * Makes the emitter's listeners run with the span that was current when each was added. For pools and queues
   * that emit from somebody else's scope. Returns the emitter.
   */
  bindEmitter<E extends EventEmitter>(emitter: E): E
  /** The current span's IDs, as fields for a log line; empty when there is no current span. */
  logFields(): LogFields
}
