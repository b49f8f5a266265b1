import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { messagePropagationOf } from '#src/propagation/composite.js'
import { messageHeader, traceKeysOf, type MessageHeaders } from '#src/propagation/message-headers.js'
import { addHeaders, sendable, sent as standIn, type KafkaMessage } from '#src/transports/kafkajs/messages.js'
import { traceContext, type TraceContext } from '#src/span/trace-context.js'

const TRACE_ID = '463ac35c9f6413ad48485a3953bb6124'
const SPAN_ID = 'a2fb4a1d1a96d312'
const B3 = `${TRACE_ID}-${SPAN_ID}-1`
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`
const propagation = messagePropagationOf(['b3'], ['x-tenant'])
const bytes = (text: string) => Buffer.from(text)
const extract = (headers: MessageHeaders) => propagation.extract(headers, messageHeader)

/** As kafkajs makes them: a header named like what every object has comes in a list after that. */
function asDecoded(pairs: readonly (readonly [string, Buffer])[]): Record<string, unknown> {
  const headers: Record<string, unknown> = {}
  for (const [name, value] of pairs) {
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (Array.isArray(before)) before.push(value)
    else headers[name] = [before, value]
  }
  return headers
}

function withHeaders(message: KafkaMessage, context: TraceContext): KafkaMessage {
  const one = sendable(message)!
  addHeaders(one, context, propagation)
  return standIn(one)
}

describe('a message’s headers', () => {
  const joined: [string, MessageHeaders][] = [
    ['b3', { b3: bytes(B3) }],
    ['text', { b3: B3 }],
    ['a view of bytes', { b3: new Uint8Array(bytes(B3)) }],
    ['upper case', { B3: bytes(B3) }],
    ['IDs in upper case', { b3: bytes(B3.toUpperCase()) }],
    ['traceparent', { traceparent: bytes(TRACEPARENT) }],
    ['traceparent in another case', { TraceParent: bytes(TRACEPARENT) }],
    ['many', { 'X-B3-TraceId': bytes(TRACE_ID), 'X-B3-SpanId': bytes(SPAN_ID), 'X-B3-Sampled': bytes('1') }],
    ['repeated: the last counts', { b3: [bytes('0'), bytes('d'), bytes(B3)] }],
    ['quoted, as some Spring writes it', { b3: bytes(`"${B3}"`) }],
    [
      'many, quoted',
      {
        'X-B3-TraceId': bytes(`"${TRACE_ID}"`),
        'X-B3-SpanId': bytes(`"${SPAN_ID}"`),
        'X-B3-Sampled': bytes('"1"'),
      },
    ],
    ['malformed b3 before a good traceparent', { b3: bytes('nonsense'), traceparent: bytes(TRACEPARENT) }],
    [
      'named as an object’s own things',
      asDecoded([
        ['constructor', bytes('x')],
        ['b3', bytes(B3)],
      ]),
    ],
  ]
  for (const [name, headers] of joined) {
    it(`are read: ${name}`, () => {
      const context = extract(headers)?.context
      assert.deepEqual([context?.traceId, context?.spanId, context?.sampled], [TRACE_ID, SPAN_ID, true])
    })
  }

  const refused: [string, MessageHeaders][] = [
    ['a megabyte', { b3: Buffer.alloc(1 << 20, B3) }],
    ['a megabyte of text', { b3: B3.repeat(20_000) }],
    ['invalid UTF-8', { b3: Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0x2d]) }],
    ['ids of invalid UTF-8', { b3: Buffer.concat([Buffer.alloc(32, 0xe9), bytes(`-${SPAN_ID}-1`)]) }],
    ['a list of nothing', { b3: [] }],
    ['a list in a list', { b3: [[bytes(B3)]] }],
    ['a function', { b3: () => B3 }],
    ['a number', { b3: 1 }],
    ['null', { b3: null }],
    ['one quote', { b3: bytes('"') }],
    ['half a pair of quotes', { b3: bytes(`"${B3}`) }],
    ['ids of zeros', { b3: bytes(`${'0'.repeat(32)}-${'0'.repeat(16)}-1`) }],
    ['inherited', Object.create({ b3: bytes(B3), B3: bytes(B3) }) as MessageHeaders],
    ['from JSON, with a prototype of its own', JSON.parse(`{"__proto__":{"b3":"${B3}"}}`) as MessageHeaders],
  ]
  for (const [name, headers] of refused) {
    it(`are no context: ${name}`, () => assert.equal(extract(headers)?.context, undefined))
  }

  it('with broken IDs keep their denial', () => {
    assert.equal(extract({ b3: bytes('junk-??-0') })?.sampled, false)
    assert.equal(extract({ 'X-B3-TraceId': bytes('junk'), 'X-B3-Sampled': bytes('FALSE') })?.sampled, false)
  })

  for (const hostile of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
    it(`named ${hostile} are kept and harm nothing`, () => {
      const headers = asDecoded([
        ['app', bytes('1')],
        ['b3', bytes(B3)],
      ])
      Object.defineProperty(headers, hostile, {
        value: bytes('x'),
        enumerable: true,
        writable: true,
        configurable: true,
      })
      assert.equal(extract(headers)?.context?.traceId, TRACE_ID)
      const { headers: sent } = withHeaders({ value: 'v', headers }, context())
      assert.deepEqual(Object.keys(sent!).toSorted(), ['app', 'b3', hostile].toSorted())
      assert.equal(String(Object.getOwnPropertyDescriptor(sent, hostile)?.value), 'x')
      assert.equal(({} as Record<string, unknown>)['b3'], undefined)
    })
  }

  it('in a flood are still read, and rewritten in kind', () => {
    const headers: Record<string, unknown> = {}
    for (let i = 0; i < 10_000; i++) headers[`x-b3-flood-${i}`] = bytes(String(i))
    headers['B3'] = Array.from({ length: 10_000 }, (_, i) => bytes(i === 9_999 ? B3 : 'old'))
    headers['TraceParent'] = bytes(TRACEPARENT)
    assert.equal(extract(headers)?.context?.spanId, SPAN_ID)
    assert.deepEqual(traceKeysOf(headers), ['B3', 'TraceParent'])
    const { headers: sent } = withHeaders({ value: 'v', headers }, context())
    assert.equal(Object.keys(sent!).length, 10_002)
    assert.equal(sent!['b3'], `${TRACE_ID}-0000000000000001-1`)
    assert.match(String(sent!['traceparent']), /-0000000000000001-01$/)
  })

  it('of any kind never make it fail, and are changed in nothing but the trace', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom(
        'b3',
        'B3',
        'traceparent',
        'tracestate',
        'X-B3-TraceId',
        'x-b3-sampled',
        '__proto__',
        '',
      ),
    )
    const value = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((one) => Buffer.from(one)),
      fc.constantFrom(bytes(B3), bytes(TRACEPARENT), bytes('0'), bytes('"'), bytes('')),
      fc.anything(),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (pairs) => {
        const headers = Object.fromEntries(pairs)
        const before = new Map(Object.entries(headers))
        extract(headers)
        const stale = new Set(traceKeysOf(headers))
        const { headers: sent } = withHeaders({ value: 'v', headers }, context())
        assert.deepEqual(new Map(Object.entries(headers)), before)
        for (const [key, kept] of before)
          if (!stale.has(key)) assert.equal(Object.entries(sent!).find(([k]) => k === key)?.[1], kept)
        assert.equal(extract(sent!)?.context?.spanId, '0000000000000001')
      }),
      { numRuns: 5_000 },
    )
  })
})

function context(): TraceContext {
  return traceContext(TRACE_ID, '0000000000000001', SPAN_ID, true, false, false, undefined)
}
