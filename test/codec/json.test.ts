import assert from 'node:assert/strict'
import test, { suite } from 'node:test'
import { decodeJson, jsonEncoder } from '#src/codec/json.js'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import fc from 'fast-check'
import { anySpan, anyText, encodeList } from './random-spans.ts'

const ids = { traceId: '463ac35c9f6413ad48485a3953bb6124', id: '48485a3953bb6124' }

suite('JSON', () => {
  test('writes what JSON.stringify writes, in the order of the fields that Zipkin has', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 3 }), (spans) => {
        assert.equal(encodeList(jsonEncoder, spans).toString(), JSON.stringify(spans.map(inOrder)))
      }),
      { numRuns: 3000, endOnFailure: true },
    )
  })

  test('decodes what it has written, from bytes and from text', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 3 }), (spans) => {
        const bytes = encodeList(jsonEncoder, spans)
        const expected = spans.map(inOrder)
        assert.deepEqual(decodeJson(bytes).map(plain), expected.map(plain))
        assert.deepEqual(decodeJson(bytes.toString()).map(plain), expected.map(plain))
      }),
      { numRuns: 1000, endOnFailure: true },
    )
  })

  test('escapes any string as JSON.stringify does', () => {
    fc.assert(
      fc.property(anyText, (name) => {
        const text = encodeList(jsonEncoder, [
          { ...ids, name, localEndpoint: { serviceName: 'a' } },
        ]).toString()
        assert.ok(name === '' || text.includes(`"name":${JSON.stringify(name)},`))
      }),
      { numRuns: 1000, endOnFailure: true },
    )
  })

  test('keeps to its limit, whatever it is, and uses all of it', () => {
    fc.assert(
      fc.property(anySpan, fc.nat(20), fc.boolean(), (span, offset, first) => {
        const text = Buffer.from((first ? '' : ',') + JSON.stringify(inOrder(span)))
        const end = offset + text.length
        const target = Buffer.alloc(end + 8)
        const untouched = Buffer.alloc(end + 8, 0xaa)
        for (let limit = offset; limit <= end; limit++) {
          target.fill(0xaa)
          assert.equal(jsonEncoder.write(target, offset, limit, span, first), limit < end ? -1 : end)
          assert.ok(target.subarray(limit).equals(untouched.subarray(limit)))
        }
        assert.deepEqual(target.subarray(offset, end), text)
      }),
      { numRuns: 50, endOnFailure: true },
    )
  })

  test('puts no more round the spans than it says', () => {
    assert.equal(encodeList(jsonEncoder, []).toString(), '[]')
    assert.equal(jsonEncoder.listOverhead, 2)
  })

  test('leaves out what is no time, kind or port, and turns tag values into strings', () => {
    const strange = {
      ...ids,
      kind: 'INTERNAL',
      timestamp: Number.NaN,
      duration: 2.5,
      localEndpoint: { port: 70_000 },
      tags: { number: 1, nothing: undefined, empty: null },
    } as unknown as ZipkinSpan
    assert.equal(
      encodeList(jsonEncoder, [strange]).toString(),
      JSON.stringify([{ ...ids, duration: 2, localEndpoint: {}, tags: { number: '1' } }]),
    )
  })

  test('throws for an ID that no collector would take, and for a name that is no string', () => {
    for (const bad of [
      { ...ids, traceId: '1' },
      { ...ids, traceId: '0'.repeat(32) },
      { ...ids, id: '1'.repeat(32) },
      { ...ids, id: '48485A3953BB6124' },
      { ...ids, parentId: '"' },
      { ...ids, name: 1 as unknown as string },
    ]) {
      assert.throws(() => encodeList(jsonEncoder, [bad]), /not a (Zipkin ID|string)/)
    }
  })

  test('reads a tag called __proto__ like any other', () => {
    const [span] = decodeJson(`[{"traceId":"1","id":"2","tags":{"__proto__":"a","constructor":"b"}}]`)
    assert.deepEqual(Object.entries(span!.tags!), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
    assert.equal(Object.getPrototypeOf(span!.tags), null)
  })

  test('passes over nulls and fields it does not know', () => {
    const text = `[{"traceId":"1","id":"2","parentId":null,"kind":null,"name":null,"timestamp":null,"duration":null,
      "localEndpoint":null,"annotations":null,"tags":null,"debug":null,"shared":null,"other":[1],"__proto__":{"name":"x"}}]`
    assert.deepEqual(decodeJson(text), [{ traceId: '1', id: '2' }])
  })

  for (const [what, text] of [
    ['cut short', '[{"traceId":"1"'],
    ['no list', '{"traceId":"1","id":"2"}'],
    ['a list of numbers', '[1]'],
    ['a list of nulls', '[null]'],
    ['a list of lists', '[[]]'],
    ['a span without traceId', '[{"id":"2"}]'],
    ['a span without id', '[{"traceId":"1","id":null}]'],
    ['a number as id', '[{"traceId":"1","id":2}]'],
    ['an unknown kind', '[{"traceId":"1","id":"2","kind":"INTERNAL"}]'],
    ['text as timestamp', '[{"traceId":"1","id":"2","timestamp":"yesterday"}]'],
    ['text as endpoint', '[{"traceId":"1","id":"2","localEndpoint":"shop"}]'],
    ['an object as annotations', '[{"traceId":"1","id":"2","annotations":{}}]'],
    ['an annotation without value', '[{"traceId":"1","id":"2","annotations":[{"timestamp":1}]}]'],
    ['a list as tags', '[{"traceId":"1","id":"2","tags":["a"]}]'],
    ['an object as tag', '[{"traceId":"1","id":"2","tags":{"a":{}}}]'],
    ['null as tag', '[{"traceId":"1","id":"2","tags":{"a":null}}]'],
    ['a span of Zipkin v1', '[{"traceId":"1","id":"2","binaryAnnotations":[]}]'],
    [
      'an annotation of Zipkin v1',
      '[{"traceId":"1","id":"2","annotations":[{"timestamp":1,"value":"cs","endpoint":{}}]}]',
    ],
    ['deeply nested lists', '['.repeat(100_000)],
  ] as const) {
    test(`throws an Error of one line for ${what}`, () => {
      assert.throws(() => decodeJson(text), /^Error: malformed JSON spans: .+$/)
    })
  }
})

/** The span as it is written: Zipkin's order, nothing undefined, empty or zero save inside annotations and tags. */
function inOrder(span: ZipkinSpan): ZipkinSpan {
  const { traceId, parentId, id, kind, name, timestamp, duration, annotations, tags } = span
  const { localEndpoint, remoteEndpoint, debug, shared } = span
  return {
    traceId,
    ...(parentId && { parentId }),
    id,
    ...(kind && { kind }),
    ...(name && { name }),
    ...(timestamp && { timestamp }),
    ...(duration && { duration }),
    ...(localEndpoint && { localEndpoint: endpointInOrder(localEndpoint) }),
    ...(remoteEndpoint && { remoteEndpoint: endpointInOrder(remoteEndpoint) }),
    ...(annotations?.length && {
      annotations: annotations.map(({ timestamp, value }) => ({ timestamp, value })),
    }),
    ...(tags && Object.keys(tags).length && { tags }),
    ...(debug && { debug }),
    ...(shared && { shared }),
  } as ZipkinSpan
}

function endpointInOrder({
  serviceName,
  ipv4,
  ipv6,
  port,
}: NonNullable<ZipkinSpan['localEndpoint']>): unknown {
  return {
    ...(serviceName && { serviceName }),
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    ...(port && { port }),
  }
}

/** The span with its tags as a list: they are compared in order, and have no prototype. */
function plain(span: ZipkinSpan): unknown {
  return span.tags ? { ...span, tags: Object.entries(span.tags) } : span
}
