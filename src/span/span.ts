import type { Endpoint, Kind, ZipkinSpan } from '../codec/zipkin-span.ts'
import type { TraceContext } from './trace-context.ts'

/**
 * One operation of a trace. A span that is not sampled, or has finished, takes every call and records nothing;
 * no method ever throws.
 */
export interface Span {
  /** The IDs and flags that travel with a call. */
  readonly context: TraceContext
  /** Whether what is said to the span is kept: it is sampled and has not finished. */
  readonly recording: boolean
  /** The role in a call; undefined for a local span, and for a span that does not record. */
  readonly kind: Kind | undefined
  /** The span's name so far; undefined when it has none yet, or does not record. */
  readonly named: string | undefined
  /** Names the operation. The last name given stays. Returns the span. */
  name(name: string): this
  /**
   * Sets a tag. The value becomes a string of at most 256 characters, or as `maxTagLength` says; a key that looks
   * like a secret's (password, token, cookie, authorization …) is refused. Returns the span.
   */
  tag(key: string, value: string | number | boolean): this
  /** Notes an event with the time of this call. Returns the span. */
  annotate(value: string): this
  /**
   * Marks the span as failed: the tag `error` becomes the error's message. The first error given stays. Returns the
   * span.
   */
  error(error: unknown): this
  /**
   * Says who is at the other end of a call. What is said later adds to what is known: an address to a name. Returns
   * the span.
   */
  remote(endpoint: Endpoint | undefined): this
  /** Ends the span now, and not when its function ends. What is said to it later is dropped; a second call does nothing. */
  finish(): void
  /** The value of a baggage field that came with the trace; undefined when it did not come. */
  baggage(field: string): string | undefined
}

/** Told of every span that is recorded: a place to redact, to add, to count. What it throws is counted, and no more. */
export interface SpanHandler {
  /** A span has started. It has no name yet. */
  begin?(span: Span): void
  /**
   * A span has finished. `data` is what will be reported, and may be changed; `error` is the first error that the span
   * was given. To return `false` keeps the span from being reported.
   */
  end?(data: ZipkinSpan, error: unknown, span: Span): boolean | void
}
