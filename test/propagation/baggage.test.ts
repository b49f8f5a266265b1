import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { traceContext } from '#src/span/trace-context.js'
import { b3, b3Single } from '#src/propagation/b3.js'
import { withBaggage } from '#src/propagation/baggage.js'
import { propagationOf } from '#src/propagation/composite.js'

type Headers = Record<string, string>

const get = (headers: Headers, name: string): string | undefined => headers[name]
const set = (headers: Headers, name: string, value: string): void => {
  headers[name] = value
}

const TRACE_ID = '71d2a4b8e6f09c35'
const SPAN_ID = '4e8b1f6a2c9d7035'
const B3 = `${TRACE_ID}-${SPAN_ID}-1`
const propagation = withBaggage(b3Single, ['request-id', 'userId'])

function write(baggage: Readonly<Record<string, string>>): Headers {
  const headers: Headers = {}
  const context = traceContext(TRACE_ID, SPAN_ID, undefined, true, false, false, { baggage })
  propagation.inject(context, headers, set)
  return headers
}

describe("Brave's BaggagePropagationTest", () => {
  it('keysDontIncludeBaggage', () => assert.deepEqual(propagation.keys, ['b3']))

  it('newFactory_noFields', () => assert.equal(withBaggage(b3, []), b3))

  it('newFactory_sharingRemoteName, dupesNotOk', () => {
    assert.throws(() => withBaggage(b3, ['userId', 'userid']), {
      message: /^baggage field userid is given twice/,
    })
  })

  it('inject_baggage', () => {
    assert.deepEqual(write({ 'request-id': 'r7' }), { b3: B3, 'request-id': 'r7' })
  })

  it('inject_two', () => {
    assert.deepEqual(write({ 'request-id': 'r7', userId: 'ann' }), {
      b3: B3,
      'request-id': 'r7',
      userid: 'ann',
    })
  })

  it('inject_no_key_names: what is not configured stays here', () => {
    assert.deepEqual(write({ secret: 'x' }), { b3: B3 })
  })

  it('extract_baggage', () => {
    const found = propagation.extract({ b3: B3, userid: 'ann', secret: 'x' }, get)
    const extra = { baggage: { userId: 'ann' } }
    assert.deepEqual(found, {
      context: traceContext(TRACE_ID, SPAN_ID, undefined, true, false, false, extra),
      sampled: true,
      debug: false,
      joinable: true,
      extra,
    })
  })

  it('extract_two', () => {
    const found = propagation.extract({ b3: B3, userid: 'ann', 'request-id': '' }, get)
    assert.deepEqual(found?.context?.extra, { baggage: { userId: 'ann', 'request-id': '' } })
  })

  it('readsBaggage_newTrace', () => {
    assert.deepEqual(propagation.extract({ userid: 'ann' }, get), {
      context: undefined,
      sampled: undefined,
      debug: false,
      joinable: false,
      extra: { baggage: { userId: 'ann' } },
    })
  })

  it('readsBaggage_unsampled', () => {
    const found = propagation.extract({ b3: '0', userid: 'ann' }, get)
    assert.equal(found?.sampled, false)
    assert.deepEqual(found.extra, { baggage: { userId: 'ann' } })
  })
})

describe('baggage', () => {
  it('gives nothing where there is nothing', () => {
    assert.equal(propagation.extract({}, get), undefined)
    assert.equal(propagation.extract({ b3: B3 }, get)?.extra, undefined)
  })

  it('goes together with tracestate', () => {
    const both = propagationOf(['w3c'], ['userId'])
    const traceparent = `00-5be20f7d93a84c16e0d1f4a7b68c3925-${SPAN_ID}-03`
    const headers = { traceparent, tracestate: 'a=1', userid: 'ann' }
    const written: Headers = {}
    both.inject(both.extract(headers, get)!.context!, written, set)
    assert.deepEqual(written, headers)
  })

  it('is written after the trace, so that a value the carrier refuses costs no trace', () => {
    const context = traceContext(TRACE_ID, SPAN_ID, undefined, true, false, false, {
      baggage: { userId: 'ann' },
    })
    const names: string[] = []
    propagation.inject(context, names, (carrier, name) => carrier.push(name))
    assert.deepEqual(names, ['b3', 'userid'])
  })

  it('takes names that objects have of their own for fields like others', () => {
    const odd = withBaggage(b3Single, ['constructor'])
    assert.deepEqual(odd.extract({ constructor: 'c' } as unknown as Headers, get)?.extra?.baggage, {
      constructor: 'c',
    })
    const headers: Headers = {}
    const context = traceContext(TRACE_ID, SPAN_ID, undefined, true, false, false, { baggage: {} })
    odd.inject(context, headers, set)
    assert.deepEqual(headers, { b3: B3 })
  })

  for (const name of ['', ' ', 'user id', 'user:id', 'użytkownik', 'a\r\nb']) {
    it(`refuses the name ${JSON.stringify(name)}`, () => {
      assert.throws(() => propagationOf(['b3'], [name]), { message: /can't be a header; use letters/ })
    })
  }

  for (const name of [
    'b3',
    'X-B3-TraceId',
    'traceparent',
    'Tracestate',
    'Content-Length',
    'host',
    '__proto__',
  ]) {
    it(`refuses the name ${name}, which has a meaning of its own`, () => {
      assert.throws(() => propagationOf(['b3'], [name]), { message: /use another name$/ })
    })
  }
})
