import type { Endpoint, Kind, ZipkinSpan } from '../codec/zipkin-span.ts'
import type { TraceContext } from './trace-context.ts'

/**
 * Is told of every span that is recorded: a place to redact, to add, to count. What it throws is counted as a fault.
 */
export interface SpanHandler {
  /** A span has started. It has no name yet. */
  begin?(span: Span): void
  /**
   * A span has finished. `data` is what will be reported, and may be changed; `error` is the first error that the span
   * was given. To return `false` keeps the span from being reported.
   */
  end?(data: ZipkinSpan, error: unknown, span: Span): boolean | void
}

/** Where a span goes when it finishes. */
export interface SpanSink {
  /** `isLocalRoot`: with this span a trace, a call or a message began in this process. */
  finished(data: ZipkinSpan, error: unknown, span: Span, isLocalRoot: boolean): void
}

/**
 * One operation of a trace. A span that is not sampled, or has finished, takes every call and records nothing;
 * no method ever throws.
 */
export class Span {
  /** The IDs and flags that travel to other services. */
  readonly context: TraceContext
  /** What the span gathers. Gone once it has finished: whatever still holds the span holds little more than its IDs. */
  #recording: Recording | undefined

  constructor(context: TraceContext, recording: Recording | undefined) {
    this.context = context
    this.#recording = recording
  }

  /** Whether the span records what it is told: it is sampled, and has not finished. */
  get recording(): boolean {
    return this.#recording !== undefined
  }

  /** The role in a call; undefined for a local span, and for one that does not record. */
  get kind(): Kind | undefined {
    return this.#recording?.data.kind
  }

  /** The clock of the span's local root; undefined when the span does not record. */
  get clock(): Clock | undefined {
    return this.#recording?.clock
  }

  /** When the span started, in {@link ticks}; undefined when it does not record. */
  get began(): number | undefined {
    const recording = this.#recording
    return recording && recording.data.timestamp! - recording.clock
  }

  /** The name so far; undefined when there is none, or the span does not record. */
  get named(): string | undefined {
    return this.#recording?.data.name
  }

  /** Names the operation. */
  name(name: string): this {
    try {
      if (this.#recording) this.#recording.data.name = tagValue(name, Infinity)
    } catch (error) {
      failed('span', error)
    }
    return this
  }

  /**
   * Sets a tag. The value becomes a string of at most 256 characters (or as `maxTagLength` says); a key that looks
   * like a secret's (password, token, cookie, authorization …) is refused.
   */
  tag(key: string, value: string | number | boolean): this {
    try {
      const recording = this.#recording
      if (recording === undefined || isSecret(key)) return this
      recording.data.tags![key] = tagValue(value, recording.maxTagLength)
    } catch (error) {
      failed('span', error)
    }
    return this
  }

  /** The value of a tag so far; undefined when it is not set, or the span does not record. */
  tagged(key: string): string | undefined {
    return this.#recording?.data.tags![key]
  }

  /** Adds an annotation: an event, at the present time. */
  annotate(value: string): this {
    try {
      const recording = this.#recording
      if (recording === undefined) return this
      const annotation: Annotation = {
        timestamp: epochMicros(recording.clock, ticks()),
        value: tagValue(value, recording.maxTagLength),
      }
      ;(recording.data.annotations ??= []).push(annotation)
    } catch (error) {
      failed('span', error)
    }
    return this
  }

  /** Marks the span as failed: the tag `error` becomes the error's message. The first error given stays. */
  error(error: unknown): this {
    try {
      const recording = this.#recording
      if (recording === undefined || recording.error !== undefined) return this
      recording.error = error
      recording.data.tags!['error'] = tagValue(describe(error), recording.maxTagLength)
    } catch (fault) {
      failed('span', fault)
    }
    return this
  }

  /**
   * Sets the remote endpoint: who is at the other end of a call. A second endpoint adds to the first: an address to a
   * name.
   */
  remote(endpoint: Endpoint | undefined): this {
    try {
      if (this.#recording === undefined) return this
      const { data } = this.#recording
      const known = data.remoteEndpoint
      data.remoteEndpoint = known && endpoint ? { ...known, ...endpoint } : endpoint
    } catch (error) {
      failed('span', error)
    }
    return this
  }

  /** The value of a baggage field that came with the trace; undefined when it did not come. */
  baggage(field: string): string | undefined {
    return this.context.extra?.baggage?.[field]
  }

  /** Whether the span has been given an error. */
  get failed(): boolean {
    return this.#recording?.error !== undefined
  }

  /** Ends the span and reports it. A second call does nothing. */
  finish(): void {
    try {
      const recording = this.#recording
      if (recording === undefined) return
      this.#recording = undefined
      const { data } = recording
      // Zipkin reads a duration of 0 as none.
      data.duration = Math.max(1, epochMicros(recording.clock, ticks()) - data.timestamp!)
      recording.sink.finished(data, recording.error, this, recording.isLocalRoot)
    } catch (error) {
      failed('span', error)
    }
  }
}

/** What a span gathers while it runs. */
export class Recording {
  readonly data: ZipkinSpan
  readonly clock: Clock
  readonly sink: SpanSink
  readonly maxTagLength: number
  readonly isLocalRoot: boolean
  error: unknown

  constructor(data: ZipkinSpan, clock: Clock, sink: SpanSink, maxTagLength: number, isLocalRoot: boolean) {
    this.data = data
    this.clock = clock
    this.sink = sink
    this.maxTagLength = maxTagLength
    this.isLocalRoot = isLocalRoot
    this.error = undefined
  }
}
