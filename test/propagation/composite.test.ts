import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { traceContext } from '#src/span/trace-context.js'
import { type Format, propagationOf } from '#src/propagation/composite.js'

type Headers = Record<string, string>

const set = (headers: Headers, name: string, value: string): void => {
  headers[name] = value
}
const context = traceContext('71d2a4b8e6f09c35', '4e8b1f6a2c9d7035', 'a05c7e3918d4b26f', false)
const B3 = {
  'x-b3-traceid': '71d2a4b8e6f09c35',
  'x-b3-spanid': '4e8b1f6a2c9d7035',
  'x-b3-parentspanid': 'a05c7e3918d4b26f',
  'x-b3-sampled': '0',
}
const SINGLE = { b3: '71d2a4b8e6f09c35-4e8b1f6a2c9d7035-0-a05c7e3918d4b26f' }
const W3C = { traceparent: '00-000000000000000071d2a4b8e6f09c35-4e8b1f6a2c9d7035-00' }

describe('propagationOf', () => {
  const writes: [Format[], Headers][] = [
    [['b3'], B3],
    [['b3-single'], SINGLE],
    [['w3c'], W3C],
    [['b3', 'w3c'], { ...B3, ...W3C }],
    [['w3c', 'b3-single', 'b3'], { ...B3, ...SINGLE, ...W3C }],
  ]
  for (const [formats, expected] of writes) {
    it(`writes ${formats.join(' and ')}, under no name that is not among its keys`, () => {
      const headers: Headers = {}
      const propagation = propagationOf(formats, [])
      propagation.inject(context, headers, set)
      assert.deepEqual(headers, expected)
      for (const name of Object.keys(headers)) assert.ok(propagation.keys.includes(name), name)
    })
  }

  for (const format of ['b3', 'b3-single', 'w3c'] as const) {
    it(`reads every format when it writes ${format}`, () => {
      const propagation = propagationOf([format], [])
      for (const headers of [B3, SINGLE, W3C] as Headers[]) {
        const found = propagation.extract(headers, (carrier, name) => carrier[name])
        assert.equal(found?.context?.traceId, context.traceId)
        assert.equal(found.context.spanId, context.spanId)
        assert.equal(found.sampled, false)
        assert.equal(found.joinable, headers !== W3C)
      }
    })
  }

  it('asks a request without trace headers five times, and finds nothing', () => {
    let asked = 0
    const found = propagationOf(['b3', 'w3c'], []).extract(undefined, () => void asked++)
    assert.equal(found, undefined)
    assert.equal(asked, 5)
  })

  it('says in one line what is wrong with a setting', () => {
    assert.throws(() => propagationOf(['b4' as Format], []), {
      message: 'propagation is b4; use one or more of b3, b3-single, w3c',
    })
    assert.throws(() => propagationOf([], []), {
      message: 'propagation is empty; use one or more of b3, b3-single, w3c',
    })
  })
})
