import type { Span } from '../span/span.ts'

/** What a local span starts with. */
export interface SpanOptions {
  readonly tags?: Readonly<Record<string, string | number | boolean>>
}

/** Runs functions in local spans. */
export interface Tracer {
  /** The span that the running code belongs to; undefined outside any. */
  readonly currentSpan: Span | undefined
  /**
   * Runs `fn` in a local span, and returns what it returns. An error that it throws, or that the promise it
   * returns rejects with, is tagged and passed on as it is. The span ends when `fn` returns, or when its promise
   * settles; a thenable that is no promise (a query builder) is left alone, so await it inside an async `fn`.
   */
  trace<T>(name: string, fn: (span: Span) => T): T
  trace<T>(name: string, options: SpanOptions, fn: (span: Span) => T): T
  /** Returns a function that runs `fn` in a local span each time; `this`, arguments and result pass through. */
  wrap<F extends (...args: never[]) => unknown>(name: string, fn: F): F
}
