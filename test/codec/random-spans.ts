import { isIPv6 } from 'node:net'
import type { Encoder } from '#src/codec/encoder.js'
import type { Endpoint, ZipkinSpan } from '#src/codec/zipkin-span.js'
import fc from 'fast-check'

const hexByte = fc.integer({ min: 0, max: 255 }).map((byte) => byte.toString(16).padStart(2, '0'))
const spanId = fc
  .array(hexByte, { minLength: 8, maxLength: 8 })
  .map((bytes) => bytes.join(''))
  .filter((id) => !/^0+$/.test(id))
const traceId = fc.oneof(
  spanId,
  fc.tuple(spanId, spanId).map(([high, low]) => high + low),
)

/** Any string that UTF-16 can hold: ASCII, accents, emoji, lone surrogates, control characters; some long. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((codes) => String.fromCharCode(...codes)),
  fc.constantFrom('', '__proto__', 'constructor', '\ud800', 'x\udc00', '😀', '"\\\b\u2028', 'é'.repeat(64)),
  fc
    .tuple(fc.constantFrom('a', 'é', '中', '😀', '\ud83d'), fc.integer({ min: 30, max: 300 }))
    .map(([c, n]) => c.repeat(n)),
)

const micros = fc.oneof(
  fc.integer({ min: 1, max: 200_000 }),
  fc.maxSafeNat().filter((n) => n > 0),
  fc.constantFrom(
    127,
    128,
    16_383,
    16_384,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
  ),
)
const ipv4 = fc.ipV4()
const ipv6 = fc.oneof(
  fc.ipV6().filter((ip) => isIPv6(ip)),
  fc.constantFrom(
    '::',
    '::1',
    '1::',
    '2001:db8::8:800:200C:417A',
    '::ffff:10.2.3.4',
    '1:2:3:4:5:6:7::',
    '64:ff9b::1.2.3.4',
  ),
)
const port = fc.integer({ min: 0, max: 65_535 })

const endpoint: fc.Arbitrary<Endpoint> = fc.record(
  { serviceName: anyText, ipv4, ipv6, port },
  { requiredKeys: [] },
)

const tags = fc
  .uniqueArray(fc.tuple(anyText, anyText), { maxLength: 6, selector: ([key]) => wellFormed(key) })
  .map((entries): Record<string, string> => Object.fromEntries(entries))

/** Any valid span, every field but the IDs possibly missing, empty or zero. */
export const anySpan: fc.Arbitrary<ZipkinSpan> = fc.record(
  {
    traceId,
    id: spanId,
    parentId: spanId,
    kind: fc.constantFrom('CLIENT' as const, 'SERVER' as const, 'PRODUCER' as const, 'CONSUMER' as const),
    name: anyText,
    timestamp: fc.oneof(micros, fc.constant(0)),
    duration: fc.oneof(micros, fc.constant(0)),
    localEndpoint: endpoint,
    remoteEndpoint: endpoint,
    annotations: fc.array(fc.record({ timestamp: fc.oneof(micros, fc.constant(0)), value: anyText }), {
      maxLength: 3,
    }),
    tags,
    debug: fc.boolean(),
    shared: fc.boolean(),
  },
  { requiredKeys: ['traceId', 'id'] },
)

/** What survives of a string in UTF-8: a lone surrogate becomes U+FFFD. */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

const target = Buffer.alloc(1 << 20)

/** The list an encoder writes of these spans. */
export function encodeList(encoder: Encoder, spans: ZipkinSpan[]): Buffer {
  let at = encoder.start(target, 0)
  spans.forEach((span, i) => {
    at = encoder.write(target, at, target.length, span, i === 0)
    if (at < 0) throw new Error('does not fit')
  })
  return Buffer.from(target.subarray(0, encoder.end(target, at)))
}
