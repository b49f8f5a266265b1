import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test, { suite } from 'node:test'
import { decodeProto3, proto3Encoder } from '#src/codec/proto3.js'
import type { Endpoint, ZipkinSpan } from '#src/codec/zipkin-span.js'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { anySpan, anyText, encodeList, wellFormed } from './random-spans.ts'

const proto = readFileSync(new URL('../../../test/codec/zipkin.proto', import.meta.url), 'utf8')
const ListOfSpans = protobuf.parse(proto).root.lookupType('zipkin.proto3.ListOfSpans')
const KINDS = { CLIENT: 1, SERVER: 2, PRODUCER: 3, CONSUMER: 4 }

suite('proto3', () => {
  test('writes what protobufjs writes', () => {
    fc.assert(
      fc.property(anySpan, (span) => assertSameBytes([span])),
      { numRuns: 20_000, endOnFailure: true },
    )
  })

  test('writes a list as protobufjs does', () => {
    fc.assert(fc.property(fc.array(anySpan, { maxLength: 5 }), assertSameBytes), {
      numRuns: 300,
      endOnFailure: true,
    })
  })

  test('writes spans, tags, annotations and names of every size class of length as protobufjs does', () => {
    for (const size of [
      0, 1, 47, 48, 49, 50, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 16_000, 16_383, 16_384, 70_000,
    ]) {
      for (const character of ['a', 'é', '中', '😀']) {
        const text = character.repeat(size)
        assertSameBytes([{ ...ids, name: text }])
        assertSameBytes([{ ...ids, tags: { k: text } }])
        assertSameBytes([{ ...ids, tags: { [text]: 'v' } }])
        assertSameBytes([{ ...ids, annotations: [{ timestamp: 1, value: text }] }])
        assertSameBytes([{ ...ids, localEndpoint: { serviceName: text, port: 80 } }])
      }
    }
  })

  test('writes a frozen endpoint the same from the second time on, and a changed one as it is', () => {
    const frozen = Object.freeze({ serviceName: 'shop', ipv4: '10.0.0.1', port: 80 })
    assertSameBytes([
      { ...ids, localEndpoint: frozen },
      { ...ids, localEndpoint: frozen, remoteEndpoint: frozen },
      { ...ids, localEndpoint: Object.freeze({ serviceName: 'cart' }) },
      { ...ids, localEndpoint: frozen },
    ])
    const changing = { serviceName: 'shop' }
    assertSameBytes([{ ...ids, localEndpoint: changing }])
    changing.serviceName = 'cart'
    assertSameBytes([{ ...ids, localEndpoint: changing }])
  })

  test('keeps to its limit, whatever it is, and uses all of it', () => {
    const long = fc
      .tuple(anySpan, fc.constantFrom(0, 60, 16_300))
      .map(([span, size]) => ({ ...span, tags: { ...span.tags, long: 'x'.repeat(size) } }))
    fc.assert(
      fc.property(
        fc.oneof({ weight: 9, arbitrary: anySpan }, { weight: 1, arbitrary: long }),
        fc.nat(20),
        (span, offset) => {
          const bytes = encodeList(proto3Encoder, [span])
          const end = offset + bytes.length
          const target = Buffer.alloc(end + 8)
          const untouched = Buffer.alloc(end + 8, 0xaa)
          // Every limit of most spans, and of the large ones enough.
          for (
            let limit = offset;
            limit <= end;
            limit += limit < offset + 2000 || limit > end - 120 ? 1 : 97
          ) {
            target.fill(0xaa)
            const after = proto3Encoder.write(target, offset, limit, span, true)
            assert.equal(after, limit < end ? -1 : end, `limit ${limit - offset} of ${bytes.length}`)
            assert.ok(target.subarray(0, offset).equals(untouched.subarray(0, offset)))
            assert.ok(target.subarray(limit).equals(untouched.subarray(limit)))
          }
          assert.deepEqual(target.subarray(offset, end), bytes)
        },
      ),
      { numRuns: 150, endOnFailure: true },
    )
  })

  test('fits a span whose length is at the edge of one byte exactly', () => {
    for (let size = 90; size < 110; size++) {
      const span = { ...ids, name: 'n'.repeat(size) }
      const length = encodeList(proto3Encoder, [span]).length
      const target = Buffer.alloc(length)
      assert.equal(proto3Encoder.write(target, 0, length, span, true), length)
      assert.equal(proto3Encoder.write(target, 0, length - 1, span, true), -1)
    }
  })

  test('adds nothing round the spans', () => {
    assert.equal(proto3Encoder.start(Buffer.alloc(0), 3), 3)
    assert.equal(proto3Encoder.end(Buffer.alloc(0), 3), 3)
    assert.equal(proto3Encoder.listOverhead, 0)
  })

  test('decodes what it has written', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 3 }), (spans) => {
        assert.deepEqual(decodeProto3(encodeList(proto3Encoder, spans)).map(plain), spans.map(surviving))
      }),
      { numRuns: 2000, endOnFailure: true },
    )
  })

  test('decodes fields it does not know, in any order, from any view', () => {
    const bytes = Buffer.from(
      '0a34' + // a span of 52 bytes
        '1a080000000000000002' + // id
        '98060c' + // 99: varint
        'f801ffffffffffffffffff01' + // 31: the longest varint
        '9d0601020304' + // 99: fixed32
        '99060102030405060708' + // 99: fixed64
        '9a0601ff' + // 99: a string
        '0a080000000000000001' + // trace id
        '1003', // field 2 of the list: varint
      'hex',
    )
    bytes[1] = bytes.length - 4
    const shifted = new Uint8Array(bytes.length + 7)
    shifted.set(bytes, 7)
    const expected = [{ traceId: '0000000000000001', id: '0000000000000002' }]
    assert.deepEqual(decodeProto3(bytes), expected)
    assert.deepEqual(decodeProto3(shifted.subarray(7)), expected)
    assert.deepEqual(decodeProto3(new Uint8Array(0)), [])
  })

  test('throws an Error for every list that is cut short', () => {
    const bytes = encodeList(proto3Encoder, [
      {
        ...ids,
        kind: 'CLIENT',
        timestamp: 1,
        duration: 300,
        localEndpoint: { serviceName: 'a', ipv4: '1.2.3.4' },
        annotations: [{ timestamp: 1, value: 'v' }],
        tags: { a: 'b' },
      },
    ])
    for (let length = 1; length < bytes.length; length++) {
      assert.throws(
        () => decodeProto3(bytes.subarray(0, length)),
        /^Error: malformed protobuf: cut short at byte \d+$/,
      )
    }
  })

  for (const [what, hex] of [
    ['a length beyond the list', '0a05'],
    ['a length of 2^63', '0affffffffffffffff7f'],
    ['a field longer than its span', '0a040a080102030405060708'],
    ['a varint of eleven bytes', '08ffffffffffffffffffff01'],
    ['a group', '0b0c'],
    ['a wire type that there is not', '0f00'],
    ['field number 0', '0201ff'],
    ['a span without an id', '0a0a0a080000000000000001'],
    ['an empty span', '0a00'],
  ] as const) {
    test(`throws an Error for ${what}`, () => {
      assert.throws(
        () => decodeProto3(Buffer.from(hex, 'hex')),
        /^Error: (malformed protobuf: |a span without ).+$/,
      )
    })
  }

  test('throws for an ID that no collector would take', () => {
    const target = Buffer.alloc(1000)
    for (const bad of [
      '',
      '1',
      '0'.repeat(16),
      '00000000000000g1',
      '000000000000000é',
      '00000000000000A1',
      '0'.repeat(32),
      '1'.repeat(31),
      '1'.repeat(64),
      '\u0131'.repeat(16),
    ]) {
      assert.throws(
        () => proto3Encoder.write(target, 0, 1000, { ...ids, traceId: bad }, true),
        /not a Zipkin ID/,
        bad,
      )
      assert.throws(
        () => proto3Encoder.write(target, 0, 1000, { ...ids, id: bad }, true),
        /not a Zipkin ID/,
        bad,
      )
    }
    assert.throws(
      () => proto3Encoder.write(target, 0, 1000, { ...ids, id: '1'.repeat(32) }, true),
      /not a Zipkin ID/,
    )
  })

  test('leaves out what is no time, port or address, and turns tag values into strings', () => {
    const strange = {
      ...ids,
      kind: 'INTERNAL',
      timestamp: Number.NaN,
      duration: -5,
      localEndpoint: { ipv4: '256.1.1.1', ipv6: '1::2::3', port: 70_000 },
      tags: {
        number: 1,
        boolean: false,
        nothing: undefined,
        empty: null,
        object: { toString: () => 'text' },
      },
    } as unknown as ZipkinSpan
    const [span] = decodeProto3(encodeList(proto3Encoder, [strange]))
    assert.deepEqual(plain(span!), {
      ...ids,
      localEndpoint: {},
      tags: [
        ['number', '1'],
        ['boolean', 'false'],
        ['object', 'text'],
      ],
    })
    const [timed] = decodeProto3(encodeList(proto3Encoder, [{ ...ids, timestamp: 1.9, duration: 300.5 }]))
    assert.deepEqual(timed, { ...ids, timestamp: 1, duration: 300 })
  })

  test('leaves out a time that no whole number holds', () => {
    for (const never of [Infinity, -Infinity, 1e300, 0.5]) {
      const span = {
        ...ids,
        timestamp: never,
        duration: never,
        localEndpoint: { serviceName: 'a', port: never },
      }
      assert.deepEqual(decodeProto3(encodeList(proto3Encoder, [span])), [
        { ...ids, localEndpoint: { serviceName: 'a' } },
      ])
    }
  })

  test('throws for a name, an annotation or an ID that is no string', () => {
    const target = Buffer.alloc(1000)
    for (const wrong of [
      { name: 5 },
      { name: {} },
      { localEndpoint: { serviceName: 5 } },
      { annotations: [{ timestamp: 1, value: 5 }] },
      { annotations: [{ timestamp: 1 }] },
      { traceId: undefined },
      { id: 5 },
    ]) {
      assert.throws(
        () => proto3Encoder.write(target, 0, 1000, { ...ids, ...wrong } as unknown as ZipkinSpan, true),
        Error,
      )
    }
  })

  test('writes own tags only, and a tag called __proto__ like any other', () => {
    const tags = Object.create({ inherited: 'no' }) as Record<string, string>
    tags['own'] = 'yes'
    Object.defineProperty(tags, '__proto__', { value: 'kept', enumerable: true })
    const [span] = decodeProto3(encodeList(proto3Encoder, [{ ...ids, tags }]))
    assert.deepEqual(Object.entries(span!.tags!), [
      ['own', 'yes'],
      ['__proto__', 'kept'],
    ])
  })

  test('takes and gives any string as a tag', () => {
    fc.assert(
      fc.property(anyText, anyText, (key, value) => {
        const [span] = decodeProto3(
          encodeList(proto3Encoder, [{ ...ids, tags: Object.fromEntries([[key, value]]) }]),
        )
        assert.deepEqual(Object.entries(span!.tags!), [[wellFormed(key), wellFormed(value)]])
      }),
      { numRuns: 1000, endOnFailure: true },
    )
  })
})

const ids = { traceId: '463ac35c9f6413ad48485a3953bb6124', id: '48485a3953bb6124' }

function assertSameBytes(spans: ZipkinSpan[]): void {
  const theirs = Buffer.from(ListOfSpans.encode({ spans: spans.map(toMessage) }).finish())
  const ours = encodeList(proto3Encoder, spans)
  if (!ours.equals(theirs)) assert.equal(ours.toString('hex'), theirs.toString('hex'))
}

/** The span as protobufjs wants it; it writes lone surrogates in short strings as three bytes that are no UTF-8. */
function toMessage(span: ZipkinSpan): Record<string, unknown> {
  const message: Record<string, unknown> = {
    ...span,
    name: wellFormed(span.name ?? ''),
    traceId: Buffer.from(span.traceId, 'hex'),
    id: Buffer.from(span.id, 'hex'),
  }
  if (span.parentId) message['parentId'] = Buffer.from(span.parentId, 'hex')
  if (span.kind) message['kind'] = KINDS[span.kind]
  if (span.localEndpoint) message['localEndpoint'] = toEndpoint(span.localEndpoint)
  if (span.remoteEndpoint) message['remoteEndpoint'] = toEndpoint(span.remoteEndpoint)
  message['annotations'] =
    span.annotations?.map(({ timestamp, value }) => ({ timestamp, value: wellFormed(value) })) ?? []
  message['tags'] = withOwnKeys(Object.entries(span.tags ?? {}))
  return message
}

function toEndpoint({ serviceName, ipv4, ipv6, port }: Endpoint): Record<string, unknown> {
  return {
    serviceName: wellFormed(serviceName ?? ''),
    ipv4: ipv4 ? Buffer.from(ipv4.split('.').map(Number)) : Buffer.alloc(0),
    ipv6: ipv6 ? Buffer.from(sixteenBytes(ipv6)) : Buffer.alloc(0),
    port: port ?? 0,
  }
}

/** Node's own reading of an IPv6 address: the URL parser compresses it and writes an IPv4 tail as hex. */
function canonical(ipv6: string): string {
  return new URL(`http://[${ipv6}]`).hostname.slice(1, -1)
}

function sixteenBytes(ipv6: string): number[] {
  const [head = '', tail] = canonical(ipv6).split('::')
  const left = head ? head.split(':') : []
  const right = tail ? tail.split(':') : []
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right]
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff])
}

function withOwnKeys(entries: [string, string][]): Record<string, string> {
  const tags = Object.create(null) as Record<string, string>
  for (const [key, value] of entries) tags[wellFormed(key)] = wellFormed(value)
  return tags
}

/** What of a span comes through proto3: nothing empty or zero, and addresses in their canonical form. */
function surviving(span: ZipkinSpan): unknown {
  const {
    traceId,
    id,
    parentId,
    kind,
    name,
    timestamp,
    duration,
    localEndpoint,
    remoteEndpoint,
    annotations,
    tags,
  } = span
  return {
    traceId,
    id,
    ...(parentId && { parentId }),
    ...(kind && { kind }),
    ...(name && { name: wellFormed(name) }),
    ...(timestamp && { timestamp }),
    ...(duration && { duration }),
    ...(localEndpoint && { localEndpoint: survivingEndpoint(localEndpoint) }),
    ...(remoteEndpoint && { remoteEndpoint: survivingEndpoint(remoteEndpoint) }),
    ...(annotations?.length && {
      annotations: annotations.map(({ timestamp, value }) => ({ timestamp, value: wellFormed(value) })),
    }),
    ...(tags && Object.keys(tags).length && { tags: Object.entries(withOwnKeys(Object.entries(tags))) }),
    ...(span.debug && { debug: true }),
    ...(span.shared && { shared: true }),
  }
}

function survivingEndpoint({ serviceName, ipv4, ipv6, port }: Endpoint): Endpoint {
  return {
    ...(serviceName && { serviceName: wellFormed(serviceName) }),
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6: canonical(ipv6) }),
    ...(port && { port }),
  }
}

/** The span with its tags as a list: they are compared in order, and have no prototype. */
function plain(span: ZipkinSpan): unknown {
  return span.tags ? { ...span, tags: Object.entries(span.tags) } : span
}
