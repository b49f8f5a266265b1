import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { type Extra, traceContext, type TraceContext } from '#src/span/trace-context.js'
import { newSpanId, newTraceId } from '#src/span/ids.js'
import { propagationOf } from '#src/propagation/composite.js'
import type { Extracted } from '#src/propagation/propagation.js'
import { w3c } from '#src/propagation/w3c.js'

type Headers = Record<string, string>

interface Vector {
  /** The name of the test in https://github.com/w3c/trace-context/blob/main/test/test.py */
  name: string
  calls?: number
  cases: { headers: [string, string][]; traceId: string | null; tracestate: string | null; flags?: string }[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../test/propagation/w3c-vectors.json', import.meta.url), 'utf8'),
) as Vector[]

const TRACE_ID = '5be20f7d93a84c16e0d1f4a7b68c3925'
const SPAN_ID = '8d03b1f64e7a29c5'
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`
const both = propagationOf(['b3', 'w3c'], [])

const get = (headers: Headers, name: string): string | undefined => headers[name]
const set = (headers: Headers, name: string, value: string): void => {
  headers[name] = value
}

function write(context: TraceContext): Headers {
  const headers: Headers = {}
  w3c.inject(context, headers, set)
  return headers
}

function read(traceparent: string, tracestate?: string): Extracted | undefined {
  return w3c.extract(tracestate === undefined ? { traceparent } : { traceparent, tracestate }, get)
}

describe("W3C's test harness", () => {
  /** A service that answers with the headers of the calls it would make. */
  const service: Server = createServer((req, res) => {
    const { context } =
      propagationOf(['w3c'], []).extract(req.headers, (headers: IncomingHttpHeaders, name) => {
        const value = headers[name]
        return Array.isArray(value) ? value.join(', ') : value
      }) ?? {}
    const traceId = context?.traceId ?? newTraceId(true)
    const calls = Array.from({ length: Number(req.url?.slice(1)) }, () => {
      return write(
        traceContext(traceId, newSpanId(), context?.spanId, context?.sampled, false, false, context?.extra),
      )
    })
    res.setHeader('connection', 'close').end(JSON.stringify(calls))
  })

  before(async () => {
    service.listen(0, '127.0.0.1')
    await once(service, 'listening')
  })
  after(() => service.close())

  /** By hand, because a client library would tidy the headers up. */
  async function ask(calls: number, headers: [string, string][]): Promise<Headers[]> {
    const socket = connect((service.address() as AddressInfo).port, '127.0.0.1')
    const lines = [
      `GET /${calls} HTTP/1.1`,
      'Host: x',
      ...headers.map(([name, value]) => `${name}: ${value}`),
    ]
    socket.write(lines.join('\r\n') + '\r\n\r\n')
    const answer = await text(socket)
    return JSON.parse(/\[.*\]/s.exec(answer)![0]) as Headers[]
  }

  for (const { name, calls = 1, cases } of vectors) {
    it(name, async () => {
      for (const { headers, traceId, tracestate, flags } of cases) {
        const made = await ask(calls, headers)
        const parsed = made.map((call) => call['traceparent']!.split('-'))
        const said = JSON.stringify(headers)

        assert.equal(made.length, calls)
        for (const [i, [version, id, parentId, itsFlags, ...more]] of parsed.entries()) {
          assert.equal(version, '00')
          assert.match(id!, /^(?!0{32})[0-9a-f]{32}$/)
          assert.match(parentId!, /^(?!0{16})[0-9a-f]{16}$/)
          assert.match(itsFlags!, /^0[0-3]$/)
          assert.deepEqual(more, [])
          if (flags !== undefined) assert.equal(itsFlags, flags, said)
          if (traceId === null) assert.ok(!said.includes(id!), said)
          else assert.equal(id, traceId, said)
          assert.ok(!said.includes(parentId!), said)
          assert.equal(made[i]!['tracestate'] ?? null, tracestate, said)
        }
        assert.equal(new Set(parsed.map(([, , parentId]) => parentId)).size, calls)
      }
    })
  }
})

describe('traceparent', () => {
  it('gives IDs and a decision, to be continued by a child', () => {
    assert.deepEqual(read(TRACEPARENT), {
      context: traceContext(TRACE_ID, SPAN_ID, undefined, true),
      sampled: true,
      debug: false,
      joinable: false,
      extra: undefined,
    })
  })

  it('reads the sampled bit among other bits', () => {
    for (let flags = 0; flags < 256; flags++) {
      const value = `00-${TRACE_ID}-${SPAN_ID}-${flags.toString(16).padStart(2, '0')}`
      assert.equal(read(value)?.sampled, flags % 2 === 1, value)
    }
  })

  const refused = [
    TRACEPARENT.toUpperCase(),
    TRACEPARENT.replaceAll('-', '_'),
    `00-${TRACE_ID}-${SPAN_ID}-0A`,
    `FF-${TRACE_ID}-${SPAN_ID}-01`,
    `CC-${TRACE_ID}-${SPAN_ID}-01`,
    `${TRACEPARENT},${TRACEPARENT}`,
    `cc${TRACEPARENT.slice(2)}-x, cc${TRACEPARENT.slice(2)}-x`,
    `cc${TRACEPARENT.slice(2, -1)}`,
    `\u00a0${TRACEPARENT}`,
    `${TRACEPARENT}\n`,
    `${TRACEPARENT}-`,
    '',
    ' ',
  ]
  for (const value of refused) {
    it(`refuses ${JSON.stringify(value)}`, () => assert.equal(read(value, 'a=1'), undefined))
  }

  it('takes of a later version what it knows', () => {
    assert.equal(read(`01${TRACEPARENT.slice(2)}-`)?.context?.traceId, TRACE_ID)
    assert.equal(read(`fe${TRACEPARENT.slice(2)}-00-x`)?.context?.spanId, SPAN_ID)
  })

  it('fills a 64-bit trace ID up with zeros, and takes them off again', () => {
    const context = traceContext('71d2a4b8e6f09c35', SPAN_ID, undefined, true)
    const headers = write(context)
    assert.deepEqual(headers, { traceparent: `00-000000000000000071d2a4b8e6f09c35-${SPAN_ID}-01` })
    assert.deepEqual(w3c.extract(headers, get)?.context, context)
  })

  it('writes debug as sampled, and deny and defer as not sampled', () => {
    const flags = (sampled: boolean | undefined, debug: boolean): string =>
      write(traceContext(TRACE_ID, SPAN_ID, undefined, sampled, debug))['traceparent']!.slice(-2)
    assert.deepEqual(
      [flags(true, false), flags(true, true), flags(false, false), flags(undefined, false)],
      ['01', '01', '00', '00'],
    )
  })

  it('makes of garbage either nothing or what it was', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '00',
        'cc',
        'ff',
        '0',
        TRACE_ID,
        SPAN_ID,
        '01',
        '',
        ' ',
        '0'.repeat(16),
        '0'.repeat(32),
      ),
      fc.string({ unit: 'binary', maxLength: 40 }),
    )
    const grammar =
      /^[ \t]*(?:00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}|(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[^,]*)?)[ \t]*$/
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const value = pieces.join('-')
        assert.equal(read(value) !== undefined, grammar.test(value))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('tracestate', () => {
  const kept = [
    'a=1',
    '0a=1',
    'a= 1',
    'a=1 2',
    'a=!"#$%&\'()*+-./:;<>?@[\\]^_`{|}~',
    `a=${'v'.repeat(256)}`,
    `a=${' '.repeat(255)}v`,
    ',a=1',
    'a=1,, ,\t,b=2',
    `a=1${','.repeat(31)}`,
    Array.from({ length: 32 }, (_, i) => `k${i}=${'v'.repeat(100)}`).join(','),
  ]
  for (const value of kept) {
    it(`hands ${JSON.stringify(value).slice(0, 60)} on as it is`, () => {
      const context = read(TRACEPARENT, value)!.context!
      assert.equal(write(context)['tracestate'], value)
    })
  }

  const dropped = [
    '',
    ' \t',
    ', ,',
    'a',
    'a=',
    'a= ',
    'a=\t1',
    'a=1\t2',
    '=1',
    '_a=1',
    'a=b=c',
    'a=1;b=2=3',
    'a=caf\u00e9',
    'a=1\nb=2',
    'a=1\u007f',
    'a=1\0',
    'a=1, B=2',
    `a=${'v'.repeat(257)}`,
    `a=1${','.repeat(32)}`,
  ]
  for (const value of dropped) {
    it(`drops ${JSON.stringify(value).slice(0, 60)} and keeps the trace`, () => {
      const { context, extra } = read(TRACEPARENT, value)!
      assert.equal(context?.traceId, TRACE_ID)
      assert.equal(extra, undefined)
      assert.deepEqual(write(context), { traceparent: TRACEPARENT })
    })
  }

  it('is dropped unless it follows the grammar', () => {
    const char = fc.constantFrom(...'ab0_-*/@=, \t!~A.\u00e9\n'.split(''))
    const member =
      '(?:[a-z0-9][a-z0-9_*/@-]{0,255}=(?:[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]))?'
    const grammar = new RegExp(`^[ \\t]*${member}(?:[ \\t]*,[ \\t]*${member}){0,31}[ \\t]*$`)
    const members = fc.array(
      fc.oneof(fc.constantFrom('a=1', 'b@c=2', '', ' '), fc.string({ unit: char, maxLength: 6 })),
    )
    fc.assert(
      fc.property(members, (list) => {
        const value = list.join(',')
        const expected = grammar.test(value) && /[^, \t]/.test(value) ? value.trim() : undefined
        assert.equal(read(TRACEPARENT, value)?.extra?.tracestate, expected)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('W3C beside B3', () => {
  const b3 = { 'x-b3-traceid': TRACE_ID, 'x-b3-spanid': '4e8b1f6a2c9d7035', 'x-b3-sampled': '1' }
  const extraOf = (headers: Headers): Extra | undefined => {
    const found = both.extract(headers, get)
    assert.equal(found?.context?.spanId, '4e8b1f6a2c9d7035')
    assert.deepEqual(found.context.extra, found.extra)
    return found.extra
  }

  it('keeps the tracestate of the same trace', () => {
    const extra = extraOf({ ...b3, traceparent: TRACEPARENT, tracestate: 'a=1' })
    assert.deepEqual(extra, { tracestate: 'a=1', random: false })
  })

  it('keeps it of a 64-bit trace', () => {
    const narrow = { ...b3, 'x-b3-traceid': '71d2a4b8e6f09c35', tracestate: 'a=1' }
    const traceparent = `00-000000000000000071d2a4b8e6f09c35-${SPAN_ID}-00`
    assert.equal(extraOf({ ...narrow, traceparent })?.tracestate, 'a=1')
  })

  it('leaves the tracestate of another trace, of none, or of a malformed one', () => {
    const another = TRACEPARENT.replace('5be2', '5be3')
    assert.equal(extraOf({ ...b3, traceparent: another, tracestate: 'a=1' }), undefined)
    assert.equal(extraOf({ ...b3, traceparent: 'x', tracestate: 'a=1' }), undefined)
    assert.equal(extraOf({ ...b3, tracestate: 'a=1' }), undefined)
  })

  it('leaves it alone where W3C is not written', () => {
    const headers = { ...b3, traceparent: TRACEPARENT, tracestate: 'a=1' }
    assert.equal(propagationOf(['b3'], []).extract(headers, get)?.extra, undefined)
  })
})
