import { epochMicros, ticks, type Clock } from '../host/clock.ts'
import type { Annotation, Endpoint, Kind, ZipkinSpan } from '../codec/zipkin-span.ts'
import type { Span } from './span.ts'
import type { TraceContext } from './trace-context.ts'
import { failed } from '../host/faults.ts'
import { describe } from '../host/log.ts'
import { tagValue, isSecret } from './tags.ts'

/** Where a span goes when it finishes. */
export interface SpanSink {
  /** `isLocalRoot`: nothing above it is of this service, or it is where a call or message came in. */
  finished(data: ZipkinSpan, error: unknown, span: ServiceSpan, isLocalRoot: boolean): void
}

/** A span of this service. What users may know of it is {@link Span}. */
export class ServiceSpan implements Span {
  readonly context: TraceContext
  /** Gone once finished, so that whatever still holds the span holds little more than its IDs. */
  #recording: Recording | undefined

  constructor(context: TraceContext, recording: Recording | undefined) {
    this.context = context
    this.#recording = recording
  }

  get recording(): boolean {
    return this.#recording !== undefined
  }

  get kind(): Kind | undefined {
    return this.#recording?.data.kind
  }

  /** The local root's clock, while the span records. */
  get clock(): Clock | undefined {
    return this.#recording?.clock
  }

  /** When the span started, in {@link ticks}, while it records. */
  get began(): number | undefined {
    const recording = this.#recording
    return recording && recording.data.timestamp! - recording.clock
  }

  get named(): string | undefined {
    return this.#recording?.data.name
  }

  name(name: string): this {
    try {
      if (this.#recording) this.#recording.data.name = tagValue(name, Infinity)
    } catch (error) {
      failed('span', error)
    }
    return this
  }

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

  /** The tag's value so far. */
  tagged(key: string): string | undefined {
    return this.#recording?.data.tags![key]
  }

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

  baggage(field: string): string | undefined {
    return this.context.extra?.baggage?.[field]
  }

  /** Whether the span has a first error already. */
  get failed(): boolean {
    return this.#recording?.error !== undefined
  }

  /** Ends the span and reports it. The second call does nothing. */
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
