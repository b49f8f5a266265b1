import { decodeSpans } from '../../../src/codec/decode.ts'
import type { ZipkinSpan } from '../../../src/codec/zipkin-span.ts'
import { describe, warn } from '../log.ts'

/** What a collector counts, in the words of Zipkin's CollectorMetrics. Watch `messagesDropped` and `spansDropped`. */
export interface CollectorMetrics {
  /** Records taken, those included that could not be read. */
  messages: number
  /** Records that could not be read. */
  messagesDropped: number
  /** Bytes of all records. */
  bytes: number
  /** Spans read. */
  spans: number
  /** Spans that were read, and that the sink then did not take. */
  spansDropped: number
}

/** Takes the spans of one record, and the record itself. The collector waits for what it returns. */
export type SpanSink = (spans: ZipkinSpan[], record: Uint8Array) => void | Promise<void>

/** Takes records as a transport brings them, decodes their spans, hands these to a sink, and counts. */
export class Collector {
  readonly metrics: CollectorMetrics = {
    messages: 0,
    messagesDropped: 0,
    bytes: 0,
    spans: 0,
    spansDropped: 0,
  }
  readonly #sink: SpanSink

  constructor(sink: SpanSink) {
    this.#sink = sink
  }

  /**
   * Takes one record: a list of spans, as JSON or proto3. Resolves when the sink has taken them. Never rejects: a
   * record that cannot be read, or whose spans the sink refused, is counted and said once a minute.
   */
  async accept(record: Uint8Array): Promise<void> {
    this.metrics.messages++
    this.metrics.bytes += record.byteLength
    let spans: ZipkinSpan[]
    try {
      spans = decodeSpans(record)
    } catch (error) {
      this.metrics.messagesDropped++
      const begins = Buffer.from(record.subarray(0, 16)).toString('hex') || 'nothing'
      warn(
        'collector.malformed',
        `dropped a record of ${record.byteLength} bytes (${begins}…): ${describe(error)}`,
      )
      return
    }
    this.metrics.spans += spans.length
    if (spans.length === 0) return
    try {
      await this.#sink(spans, record)
    } catch (error) {
      this.metrics.spansDropped += spans.length
      warn('collector.sink', `dropped ${spans.length} spans that were collected: ${describe(error)}`)
    }
  }
}
