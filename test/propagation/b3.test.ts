import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { traceContext, type TraceContext } from '#src/span/trace-context.js'
import { b3, b3Single, b3SingleNoParent, formatB3Single, parseB3Single } from '#src/propagation/b3.js'
import { type Format, propagationOf } from '#src/propagation/composite.js'
import type { Extracted } from '#src/propagation/propagation.js'

type Headers = Record<string, string>
interface Ids {
  traceId?: string
  spanId?: string
  parentId?: string
  sampled?: boolean
  debug?: boolean
}

interface Vectors {
  format: { name: string; context: Ids; withParent: boolean; value: string }[]
  parse: { name: string; value: string; cut?: [number, number]; found: Ids | null }[]
  extract: { name: string; headers: Headers; found: Ids | null }[]
  roundTrip: { name: string; headers: Headers }[]
  decisionAlone: { name: string; headers: Headers; found: Ids | null }[]
  scenarios: {
    name: string
    headers: Headers
    format: Format
    found: Ids | null
    written: Headers | null
  }[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../test/propagation/b3-vectors.json', import.meta.url), 'utf8'),
) as Vectors

const TRACE_ID = '71d2a4b8e6f09c35'
const PARENT_ID = 'a05c7e3918d4b26f'
const SPAN_ID = '4e8b1f6a2c9d7035'
const child = traceContext(TRACE_ID, SPAN_ID, PARENT_ID)

const get = (headers: Headers, name: string): string | undefined => headers[name]
const set = (headers: Headers, name: string, value: string): void => {
  headers[name] = value
}
const read = (headers: Headers): Extracted | undefined => propagationOf(['b3'], []).extract(headers, get)

function contextOf({ traceId, spanId, parentId, sampled, debug }: Ids): TraceContext {
  return traceContext(traceId!, spanId!, parentId, sampled, debug)
}

function write(context: TraceContext, ...formats: Format[]): Headers {
  const headers: Headers = {}
  propagationOf(formats, []).inject(context, headers, set)
  return headers
}

/** What a vector says of it, and that the two halves of what was found agree. */
function summary(found: Extracted | undefined): Ids | null {
  if (found === undefined) return null
  const { context, sampled, debug } = found
  const ids: Ids = {}
  if (context) {
    assert.equal(context.sampled, sampled)
    assert.equal(context.debug, debug)
    assert.equal(context.shared, false)
    ids.traceId = context.traceId
    ids.spanId = context.spanId
    if (context.parentId !== undefined) ids.parentId = context.parentId
  }
  if (sampled !== undefined) ids.sampled = sampled
  if (debug) ids.debug = debug
  return ids
}

describe("Brave's B3SingleFormatTest", () => {
  for (const { name, context, withParent, value } of vectors.format) {
    it(name, () => assert.equal(formatB3Single(contextOf(context), withParent), value))
  }
  for (const { name, value, cut, found } of vectors.parse) {
    it(name, () => assert.deepEqual(summary(parseB3Single(cut ? value.slice(...cut) : value)), found))
  }
})

describe("Brave's B3PropagationTest", () => {
  it('keys_defaultToAll', () => {
    assert.deepEqual(propagationOf(['b3-single', 'b3'], []).keys, [
      'b3',
      'x-b3-traceid',
      'x-b3-spanid',
      'x-b3-parentspanid',
      'x-b3-sampled',
      'x-b3-flags',
    ])
  })

  it('keys_withoutB3Single', () => {
    const { keys } = propagationOf(['b3'], [])
    assert.equal(keys.length, 5)
    assert.ok(!keys.includes('b3'))
  })

  it('keys_onlyB3Single', () => assert.deepEqual(propagationOf(['b3-single'], []).keys, ['b3']))

  it('injectFormat, canConfigureSingle', () => {
    assert.deepEqual(write(child, 'b3-single'), { b3: `${TRACE_ID}-${SPAN_ID}-${PARENT_ID}` })
  })

  it('injectKindFormat, clientUsesB3Multi', () => {
    assert.deepEqual(write(child, 'b3'), {
      'x-b3-traceid': TRACE_ID,
      'x-b3-parentspanid': PARENT_ID,
      'x-b3-spanid': SPAN_ID,
    })
  })

  it('injectKindFormats, canConfigureBasedOnKind', () => {
    assert.deepEqual(write(child, 'b3-single', 'b3'), {
      b3: `${TRACE_ID}-${SPAN_ID}-${PARENT_ID}`,
      'x-b3-traceid': TRACE_ID,
      'x-b3-parentspanid': PARENT_ID,
      'x-b3-spanid': SPAN_ID,
    })
  })

  it('injectKindFormats_cantBeSame: one that is named twice is written once', () => {
    const names: string[] = []
    propagationOf(['b3-single', 'b3-single'], []).inject(child, names, (carrier, name) => carrier.push(name))
    assert.deepEqual(names, ['b3'])
  })

  it('injectKindFormats_cantBeBothSingle', () => {
    const both = ['b3-single', 'b3-single-no-parent'] as Format[]
    assert.throws(() => propagationOf(both, []), { message: /^propagation is b3-single-no-parent; use/ })
  })

  it('producerUsesB3SingleNoParent, producerUsesB3SingleNoParent_deferred', () => {
    const headers: Headers = {}
    b3SingleNoParent.inject(child, headers, set)
    assert.deepEqual(headers, { b3: `${TRACE_ID}-${SPAN_ID}` })
  })

  for (const { name, headers, found } of vectors.extract) {
    it(name, () => assert.deepEqual(summary(read(headers)), found))
  }
})

describe("Brave's PropagationTest", () => {
  for (const { name, headers } of vectors.roundTrip) {
    it(name, () => assert.deepEqual(write(read(headers)!.context!, 'b3'), headers))
  }
  for (const { name, headers, found } of vectors.decisionAlone) {
    it(name, () => assert.deepEqual(summary(read(headers)), found))
  }
})

describe('B3 from one service to the next', () => {
  for (const { name, headers, format, found, written } of vectors.scenarios) {
    it(name, () => {
      const extracted = read(headers)
      assert.deepEqual(summary(extracted), found)
      assert.equal(extracted?.joinable ?? true, true)
      assert.deepEqual(extracted?.context ? write(extracted.context, format) : null, written)
    })
  }
})

describe('B3', () => {
  const hex = (length: number): fc.Arbitrary<string> =>
    fc
      .string({
        unit: fc.constantFrom(...'0123456789abcdef'.split('')),
        minLength: length,
        maxLength: length,
      })
      .filter((id) => /[^0]/.test(id))
  const contexts = fc
    .record({
      traceId: fc.oneof(hex(16), hex(32)),
      spanId: hex(16),
      parentId: fc.option(hex(16), { nil: undefined }),
      decision: fc.constantFrom<[boolean | undefined, boolean]>(
        [undefined, false],
        [false, false],
        [true, false],
        [true, true],
      ),
    })
    .map(({ traceId, spanId, parentId, decision }) => {
      return traceContext(traceId, spanId, parentId, ...decision)
    })

  it('brings every context over unchanged, in one header and in several', () => {
    fc.assert(
      fc.property(contexts, fc.constantFrom(b3, b3Single), (context, format) => {
        const headers: Headers = {}
        format.inject(context, headers, set)
        assert.deepEqual(format.extract(headers, get)?.context, context)
      }),
    )
  })

  it('leaves only the parent out where messages have no use for it', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const { traceId, spanId, sampled, debug } = context
        const orphan = traceContext(traceId, spanId, undefined, sampled, debug)
        assert.deepEqual(parseB3Single(formatB3Single(context, false))?.context, orphan)
      }),
    )
  })

  const nearly = fc.string({
    unit: fc.constantFrom(...'01df-,Fg \t\u0130'.split(''), '\u{1F4A9}'),
    maxLength: 70,
  })
  const garbage = fc.oneof(fc.string({ unit: 'binary' }), nearly, hex(16), hex(32))

  it('makes of garbage either nothing or a context that is well formed', () => {
    const headers = fc.dictionary(fc.constantFrom(...b3.keys, 'b3'), garbage)
    fc.assert(
      fc.property(headers, (carrier) => {
        const context = read(carrier)?.context
        if (!context) return
        assert.match(context.traceId, /^(?:[0-9a-f]{16}){1,2}$/)
        assert.match(context.spanId, /^[0-9a-f]{16}$/)
        assert.match(context.parentId ?? context.spanId, /^[0-9a-f]{16}$/)
      }),
      { numRuns: 1000 },
    )
  })

  it('reads the single header as its grammar says', () => {
    const grammar =
      /^(?:[01d]|(?!0+-)(?:[0-9a-f]{16}){1,2}-(?!0{16})[0-9a-f]{16}(?:-[01d])?(?:-[0-9a-f]{16})?)$/i
    const upper = hex(16).map((id) => id.toUpperCase())
    const id = fc.oneof(
      hex(16),
      hex(32),
      upper,
      fc.constantFrom('0'.repeat(16), '0'.repeat(32), 'g'.repeat(16)),
    )
    const part = fc.oneof(id, fc.constantFrom('', '0', '1', 'd', 'D', 'f', '01'))
    const values = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('-'))
    fc.assert(
      fc.property(values, (value) => {
        assert.equal(parseB3Single(value) !== undefined, grammar.test(value))
      }),
      { numRuns: 2000 },
    )
  })

  it('asks for nothing but four headers when there are none', () => {
    const asked: string[] = []
    const found = b3Single.extract(asked, note) ?? b3.extract(asked, note)
    assert.equal(found, undefined)
    assert.deepEqual(asked.sort(), ['b3', 'x-b3-flags', 'x-b3-sampled', 'x-b3-traceid'])
  })

  function note(asked: string[], name: string): undefined {
    asked.push(name)
  }
})
