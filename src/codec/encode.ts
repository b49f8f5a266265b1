import { jsonEncoder } from './json.ts'
import { proto3Encoder } from './proto3.ts'
import type { Encoding } from './encoder.ts'
import type { ZipkinSpan } from './zipkin-span.ts'

const FIRST_BYTES = 4096

/**
 * Encodes spans as one list that a Zipkin collector takes: Zipkin's JSON v2, or its proto3 `ListOfSpans`
 * (https://github.com/openzipkin/zipkin-api). Throws for a span whose IDs are not hex.
 */
export function encodeSpans(spans: readonly ZipkinSpan[], encoding: Encoding): Buffer {
  const encoder = encoding === 'json' ? jsonEncoder : proto3Encoder
  let target = Buffer.allocUnsafe(FIRST_BYTES)
  let end = encoder.start(target, 0)
  for (const [i, span] of spans.entries()) {
    let next = -1
    while ((next = encoder.write(target, end, target.length - encoder.listOverhead, span, i === 0)) < 0) {
      target = Buffer.concat([target], target.length * 2)
    }
    end = next
  }
  return target.subarray(0, encoder.end(target, end))
}
