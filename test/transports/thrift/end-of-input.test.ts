import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { isAtEnd, readAtEnd } from '#src/transports/thrift/end-of-input.js'

const thrift = createRequire(import.meta.url)('thrift')

const PROTOCOLS = ['TBinaryProtocol', 'TCompactProtocol', 'TJSONProtocol'] as const
const TRANSPORTS = ['TBufferedTransport', 'TFramedTransport'] as const

describe('the end of what has come by Thrift', () => {
  for (const protocol of PROTOCOLS) {
    for (const transport of TRANSPORTS) {
      it(`is the error of ${protocol} on ${transport}, made once`, () => {
        const Protocol = thrift[protocol]
        const errors = Array.from({ length: 3 }, () => {
          const input = new Protocol(new thrift[transport](Buffer.alloc(0)))
          assert.ok(isAtEnd(input))
          return thrown(() => readAtEnd(Protocol.prototype, input))
        })
        assert.ok(errors[0] instanceof thrift.InputBufferUnderrunError)
        assert.equal(new Set(errors).size, 1)
      })
    }
  }

  it('is not where a byte has come, nor in a transport that nothing is known of', () => {
    assert.equal(isAtEnd(new thrift.TBinaryProtocol(new thrift.TFramedTransport(Buffer.alloc(1)))), false)
    assert.equal(isAtEnd(new thrift.TBinaryProtocol({})), false)
  })

  it('is whatever else a protocol says of it, each time anew', () => {
    const base = {
      readMessageBegin() {
        throw new Error('nothing here')
      },
    }
    const read = (): unknown => thrown(() => readAtEnd(base as never, {} as never))
    assert.match(String(read()), /nothing here/)
    assert.notEqual(read(), read())
  })
})

function thrown(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}
