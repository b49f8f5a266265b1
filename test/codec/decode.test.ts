import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import test, { suite } from 'node:test'
import { gzipSync } from 'node:zlib'
import { decodeSpans } from '#src/codec/decode.js'
import { jsonEncoder } from '#src/codec/json.js'
import { proto3Encoder } from '#src/codec/proto3.js'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import fc from 'fast-check'
import { anySpan, encodeList, wellFormed } from './random-spans.ts'

interface Vector {
  name: string
  span: ZipkinSpan
  proto3: string
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../test/codec/spans.json', import.meta.url), 'utf8'),
) as Vector[]
const span: ZipkinSpan = {
  traceId: '216a2aea45d08fc9',
  id: '5b4185666d50f68b',
  localEndpoint: { serviceName: 'shop' },
}
const json = encodeList(jsonEncoder, [span])
const proto3 = encodeList(proto3Encoder, [span])

suite('a record', () => {
  for (const { name, span: expected, proto3: hex } of vectors) {
    test(`comes back from JSON and proto3: ${name}`, () => {
      const bytes = encodeList(proto3Encoder, [expected])
      assert.equal(bytes.toString('hex'), hex)
      assert.deepEqual(decodeSpans(bytes).map(plain), [plain(expected)])
      assert.deepEqual(decodeSpans(encodeList(jsonEncoder, [expected])).map(plain), [plain(expected)])
      assert.deepEqual(decodeSpans(Buffer.from(JSON.stringify([expected, expected]))).map(plain), [
        plain(expected),
        plain(expected),
      ])
    })
  }

  test('is the same from JSON and from proto3', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { minLength: 1, maxLength: 3 }), (spans) => {
        const sent = spans.map(withoutLoneSurrogates)
        const fromJson = decodeSpans(encodeList(jsonEncoder, sent)).map(plain)
        assert.deepEqual(decodeSpans(encodeList(proto3Encoder, sent)).map(plain), fromJson)
      }),
      { numRuns: 1000, endOnFailure: true },
    )
  })

  test('is read when gzipped, aggregated by the KPL, and both', () => {
    for (const bytes of [
      gzipSync(json),
      gzipSync(proto3),
      aggregate([json]),
      aggregate([gzipSync(json)]),
      gzipSync(aggregate([proto3])),
    ]) {
      assert.deepEqual(decodeSpans(bytes), [span])
    }
    assert.deepEqual(decodeSpans(aggregate([proto3, json, proto3])), [span, span, span])
    assert.deepEqual(decodeSpans(aggregate([])), [])
  })

  test('is refused when it is wrapped twice the same way', () => {
    assert.throws(() => decodeSpans(gzipSync(gzipSync(json))), /^Error: not Zipkin spans: begins with 1f8b/)
    assert.throws(
      () => decodeSpans(aggregate([aggregate([json])])),
      /^Error: not Zipkin spans: begins with f3899ac2/,
    )
    assert.throws(
      () => decodeSpans(gzipSync(aggregate([gzipSync(json)]))),
      /^Error: not Zipkin spans: begins with 1f8b/,
    )
  })

  test('is refused when it unpacks to more than a collector would hold', () => {
    const bomb = gzipSync(Buffer.alloc(17 << 20, '['))
    assert.throws(() => decodeSpans(bomb), /^Error: cannot gunzip spans: /)
    const half = gzipSync(Buffer.concat([json.subarray(0, -1), Buffer.alloc(9 << 20, ' '), Buffer.from(']')]))
    assert.deepEqual(decodeSpans(half), [span])
    assert.throws(() => decodeSpans(aggregate([half, half])), /^Error: cannot gunzip spans: /)
  })

  test('is refused when its aggregate is damaged', () => {
    const bytes = aggregate([json])
    for (let i = 4; i < bytes.length; i++) {
      const damaged = Buffer.from(bytes)
      damaged[i]! ^= 1
      assert.throws(() => decodeSpans(damaged), /^Error: malformed KPL aggregate: its MD5 does not match$/)
      assert.throws(
        () => decodeSpans(bytes.subarray(0, i)),
        /^Error: malformed KPL aggregate: its MD5 does not match$/,
      )
    }
    const empty = Buffer.from('1a020800', 'hex')
    assert.throws(() => decodeSpans(sealed(empty)), /^Error: malformed KPL aggregate: a record without data$/)
  })

  for (const [what, bytes, message] of [
    ['empty', '', 'not Zipkin spans: empty'],
    ['a single JSON span', '7b226964223a2231227d', 'not Zipkin spans: begins with 7b226964223a2231227d'],
    ['a Thrift list', '0c00000001', 'not Zipkin spans: begins with 0c00000001'],
    ['zstd', '28b52ffd0000', 'not Zipkin spans: begins with 28b52ffd0000'],
    ['longer than is shown', 'ff'.repeat(100), `not Zipkin spans: begins with ${'ff'.repeat(16)}`],
    ['damaged gzip', '1f8b0800', 'cannot gunzip spans: unexpected end of file'],
  ] as const) {
    test(`is refused with one clear line when it is ${what}`, () => {
      assert.throws(() => decodeSpans(Buffer.from(bytes, 'hex')), { name: 'Error', message })
    })
  }

  test('gives spans or an Error of one line, whatever its bytes', () => {
    const seeds = [
      json,
      proto3,
      gzipSync(json),
      aggregate([proto3]),
      encodeList(
        proto3Encoder,
        vectors.map((v) => v.span),
      ),
    ]
    const cut = fc
      .tuple(fc.constantFrom(...seeds), fc.nat(2000))
      .map(([bytes, length]) => bytes.subarray(0, length))
    const damaged = fc
      .tuple(fc.constantFrom(...seeds), fc.nat(2000), fc.nat(255))
      .map(([bytes, at, value]) =>
        Buffer.from(bytes.map((byte, i) => (i === at % bytes.length ? value : byte))),
      )
    const sniffed = fc
      .tuple(fc.constantFrom('5b', '0a', '1f8b', 'f3899ac2'), fc.uint8Array({ maxLength: 60 }))
      .map(([head, tail]) => Buffer.concat([Buffer.from(head, 'hex'), tail]))
    fc.assert(
      fc.property(fc.oneof(cut, damaged, sniffed, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        try {
          for (const decoded of decodeSpans(bytes)) assert.match(decoded.traceId, /^(?:[0-9a-f]{16}){1,2}$/)
        } catch (error) {
          assert.match(String(error), /^Error: .+$/)
        }
      }),
      { numRuns: 20_000, endOnFailure: true },
    )
  })
})

suite('a span is normalised as Zipkin does it', () => {
  for (const [what, sent, received] of [
    [
      'short IDs are padded',
      { traceId: '1', id: '2', parentId: '3' },
      { traceId: '0000000000000001', id: '0000000000000002', parentId: '0000000000000003' },
    ],
    [
      'IDs past 64 bits are padded to 128',
      { traceId: '1'.repeat(17), id: '2' },
      { traceId: `000000000000000${'1'.repeat(17)}`, id: '0000000000000002' },
    ],
    [
      'an upper half of zeros is cut off',
      { traceId: '00000000000000000000000000000001', id: '2' },
      { traceId: '0000000000000001', id: '0000000000000002' },
    ],
    [
      'IDs are lower-cased',
      { traceId: 'ABCDEF0123456789', id: 'ABCDEF0123456789' },
      { traceId: 'abcdef0123456789', id: 'abcdef0123456789' },
    ],
    ['a zero parent is none', { parentId: '0000000000000000' }, {}],
    ['a span is not its own parent', { parentId: span.id }, {}],
    [
      'names keep their case',
      { name: 'GET /Orders', localEndpoint: { serviceName: 'Shop' } },
      { name: 'GET /Orders', localEndpoint: { serviceName: 'Shop' } },
    ],
    [
      'empty names are absent',
      { name: '', localEndpoint: { serviceName: '' }, remoteEndpoint: {} },
      { localEndpoint: undefined },
    ],
    ['times that are zero or negative are absent', { timestamp: 0, duration: -1 }, {}],
    ['times that no number holds are absent', { timestamp: 2 ** 64, duration: 1e300 }, {}],
    [
      'fractions of a microsecond are cut off',
      { timestamp: 1.5, duration: 2.5 },
      { timestamp: 1, duration: 2 },
    ],
    [
      'ports that are none are absent',
      { localEndpoint: { serviceName: 'a', port: 0 }, remoteEndpoint: { port: 65_536 } },
      { localEndpoint: { serviceName: 'a' } },
    ],
    [
      'addresses that are none are absent',
      {
        localEndpoint: { serviceName: 'a', ipv4: '1.2.3', ipv6: '1.2.3.4' },
        remoteEndpoint: { ipv4: 'localhost' },
      },
      { localEndpoint: { serviceName: 'a' } },
    ],
    [
      'IPv6 addresses are canonical',
      { localEndpoint: { ipv6: '2001:DB8:0:0:0:0:0:1' } },
      { localEndpoint: { ipv6: '2001:db8::1' } },
    ],
    [
      'IPv4 in IPv6 is IPv4',
      { localEndpoint: { ipv6: '::ffff:10.1.2.3' } },
      { localEndpoint: { ipv4: '10.1.2.3' } },
    ],
    [
      'annotations are sorted and said once',
      {
        annotations: [
          { timestamp: 3, value: 'a' },
          { timestamp: 1, value: 'c' },
          { timestamp: 1, value: 'b' },
          { timestamp: 3, value: 'a' },
        ],
      },
      {
        annotations: [
          { timestamp: 1, value: 'b' },
          { timestamp: 1, value: 'c' },
          { timestamp: 3, value: 'a' },
        ],
      },
    ],
    ['annotations without a time are left out', { annotations: [{ timestamp: 0, value: 'a' }] }, {}],
    [
      'empty lists and false flags are absent',
      { annotations: [], tags: {}, debug: false, shared: false },
      {},
    ],
    ['only a server shares', { kind: 'CLIENT', shared: true }, { kind: 'CLIENT' }],
  ] as [string, object, object][]) {
    test(what, () => {
      const expected = Object.fromEntries(
        Object.entries({ ...span, ...received }).filter(([, value]) => value !== undefined),
      )
      assert.deepEqual(decodeSpans(Buffer.from(JSON.stringify([{ ...span, ...sent }]))), [expected])
    })
  }

  for (const [what, sent] of [
    ['a trace ID of zeros', { traceId: '00000000000000000000000000000000' }],
    ['an ID of zeros', { id: '0' }],
    ['an empty ID', { id: '' }],
    ['a trace ID of 33 characters', { traceId: '1'.repeat(33) }],
    ['an ID of 17 characters', { id: '1'.repeat(17) }],
    ['a parent ID of 17 characters', { parentId: '1'.repeat(17) }],
    ['an ID that is no hex', { id: '0x12' }],
  ] as [string, object][]) {
    test(`but ${what} is an Error`, () => {
      assert.throws(
        () => decodeSpans(Buffer.from(JSON.stringify([{ ...span, ...sent }]))),
        /^Error: malformed spans: .+$/,
      )
    })
  }

  test('and its tags are plain keys, whatever they are called', () => {
    const text = `[{"traceId":"1","id":"2","tags":{"__proto__":"a","toString":"b"}}]`
    const [decoded] = decodeSpans(Buffer.from(text))
    assert.deepEqual(Object.entries(decoded!.tags!), [
      ['__proto__', 'a'],
      ['toString', 'b'],
    ])
    assert.equal(({} as Record<string, unknown>)['a'], undefined)
  })
})

/** A KPL aggregate of these records, made by its description: each has a partition key by index, and data. */
function aggregate(records: Uint8Array[]): Buffer {
  return sealed(
    Buffer.concat([
      field(1, Buffer.from('key')),
      ...records.map((data) => field(3, Buffer.concat([Buffer.from('0800', 'hex'), field(3, data)]))),
    ]),
  )
}

function sealed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, createHash('md5').update(message).digest()])
}

function field(number: number, bytes: Uint8Array): Buffer {
  const length: number[] = []
  for (let rest = bytes.length; ; rest >>= 7) {
    if (rest < 128) {
      length.push(rest)
      break
    }
    length.push((rest & 127) | 128)
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
}

/** The span with its tags as a list: they are compared in order, and have no prototype. */
function plain(decoded: ZipkinSpan): unknown {
  return decoded.tags ? { ...decoded, tags: Object.entries(decoded.tags) } : decoded
}

/** JSON keeps a lone surrogate, UTF-8 can't. */
function withoutLoneSurrogates(sent: ZipkinSpan): ZipkinSpan {
  return JSON.parse(JSON.stringify(sent), (_key, value: unknown) => {
    if (typeof value === 'string') return wellFormed(value)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [wellFormed(key), field]))
  }) as ZipkinSpan
}
