import type { Endpoint, ZipkinSpan } from '../../../src/codec/zipkin-span.ts'

/*
 * What V8 holds for an object with its properties, for a key and its string, and for a trace's sets: measured on Node 20
 * and 24 over 200,000 spans, rounded up.
 */
const SPAN = 250
const PAIR = 64
const ENDPOINT = 160
/** What an open trace without spans holds, in bytes. */
export const TRACE_BYTES = 1250

/** About how many bytes of memory a decoded span holds: a little more rather than less. */
export function heldBytes(span: ZipkinSpan): number {
  let bytes =
    SPAN + textBytes(span.name) + endpointBytes(span.localEndpoint) + endpointBytes(span.remoteEndpoint)
  for (const key in span.tags) bytes += PAIR + textBytes(key) + textBytes(span.tags[key])
  for (const { value } of span.annotations ?? []) bytes += PAIR + textBytes(value)
  return bytes
}

function endpointBytes(endpoint: Endpoint | undefined): number {
  return endpoint === undefined ? 0 : ENDPOINT + textBytes(endpoint.serviceName)
}

/** One byte a character or two: two, since telling would mean to read them all. */
function textBytes(text: string | undefined): number {
  return text === undefined ? 0 : 2 * text.length
}
