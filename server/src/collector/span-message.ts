import type { ZipkinSpan } from '../../../src/codec/zipkin-span.ts'

/** A list of spans as it goes to a Zipkin server. */
export interface SpanMessage {
  readonly body: Uint8Array
  readonly isProto3: boolean
  readonly spans: number
}

/** Zipkin takes bodies of up to 10 MiB; one POST of several records stays well below. */
const MAX_POST_BYTES = 1 << 20

/** The record itself where Zipkin reads its encoding, and else its spans as JSON. */
export function toMessage(spans: readonly ZipkinSpan[], record: Uint8Array): SpanMessage {
  const isProto3 = record[0] === 0x0a
  const isPlain = isProto3 || record[0] === 0x5b
  const body = isPlain ? record : Buffer.from(JSON.stringify(spans))
  return { body, isProto3, spans: spans.length }
}

/** What one POST carries: lists in proto3 together, each list in JSON on its own. */
export function takeBatch(queue: SpanMessage[]): SpanMessage[] {
  let count = 1
  let bytes = queue[0]!.body.byteLength
  while (queue[0]!.isProto3 && queue[count]?.isProto3) {
    bytes += queue[count]!.body.byteLength
    if (bytes > MAX_POST_BYTES) break
    count++
  }
  return queue.splice(0, count)
}

/** The body of a POST. Lists in proto3 are one list when put one after another. */
export function bodyOf(batch: readonly SpanMessage[]): Uint8Array {
  return batch.length === 1 ? batch[0]!.body : Buffer.concat(batch.map(({ body }) => body))
}

export function countSpans(batch: readonly SpanMessage[]): number {
  return batch.reduce((sum, { spans }) => sum + spans, 0)
}
