export { decodeSpans } from './codec/decode.ts'
export { encodeSpans } from './codec/encode.ts'
export type { Encoding } from './codec/encoder.ts'
export type { Annotation, Endpoint, Kind, ZipkinSpan } from './codec/zipkin-span.ts'
