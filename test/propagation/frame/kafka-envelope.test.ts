import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { traceContext } from '#src/span/trace-context.js'
import { open, seal } from '#src/propagation/frame/kafka-envelope.js'
import { tracingDeserializer } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'

/** As arbitrary as fast-check's, but a million of those take minutes. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

const MAGIC = Buffer.from('c15444', 'hex')
const CONTEXTS = [
  undefined,
  traceContext('463ac35c9f6413ad', 'a2fb4a1d1a96d312', undefined, true, false, false, undefined),
  traceContext(
    '463ac35c9f6413ad48485a3953bb6124',
    'a2fb4a1d1a96d312',
    '0020000000000001',
    undefined,
    false,
    false,
    undefined,
  ),
  traceContext('463ac35c9f6413ad48485a3953bb6124', '0000000000000001', undefined, false, true, false, {
    baggage: { 'x-tenant': 'größe' },
    tracestate: 'vendor=1',
  }),
]

describe('the envelope of a Kafka value', () => {
  it('gives back a million values as they went in, with the context', () => {
    const random = randomNumbers(20_261_126)
    const memory = Buffer.alloc(80)
    let likeFrames = 0
    for (let round = 0; round < 1_000_000; round++) {
      const value = memory.subarray(0, random() % 65)
      for (let at = 0; at < value.length; at += 4) memory.writeUInt32LE(random(), at)
      // Each beginning of a frame, and whole frames: an envelope in an envelope.
      const like = random() % 8
      if (like < 4) MAGIC.copy(value, 0, 0, like)
      const first = like === 4 ? seal(value, CONTEXTS[random() % 4]) : value
      if (first.length > 2 && first.subarray(0, 3).equals(MAGIC)) likeFrames++

      const context = CONTEXTS[round % 4]
      const sealed = seal(first, context)
      const opened = open(sealed)
      const out = opened ? opened.value : sealed
      if (!out.equals(first) || opened?.extracted?.context?.spanId !== context?.spanId) {
        assert.fail(`round ${round}: ${first.toString('hex')} came out as ${out.toString('hex')}`)
      }
    }
    assert.ok(likeFrames > 200_000, String(likeFrames))
  })

  it('costs a value that is in none no copy', () => {
    const value = Buffer.from('{"paid":true}')
    assert.equal(seal(value, undefined), value)
    assert.equal(open(value), undefined)
    const sealed = seal(value, CONTEXTS[1])
    const out = open(sealed)!.value
    assert.equal(out.buffer, sealed.buffer, 'the same memory')
  })

  describe('is none when it is damaged: the bytes are handed on, the same object', () => {
    const test = createTestTracing()
    afterEach(() => test.assertClean())
    const deserialize = tracingDeserializer(test.tracing, (bytes: Buffer) => ({ bytes }))
    const value = Buffer.from('{"paid":true}')

    for (const [i, context] of CONTEXTS.entries()) {
      const frame = seal(MAGIC, context).subarray(0, -MAGIC.length)
      const sealed = Buffer.concat([frame, value])

      it(`cut anywhere, context ${i}`, () => {
        for (let length = 0; length < frame.length; length++) {
          const cut = Buffer.from(sealed.subarray(0, length))
          assert.equal(deserialize(cut).bytes, cut)
        }
        assert.equal(String(deserialize(sealed).bytes), String(value))
      })

      it(`with any bit of it turned, context ${i}`, () => {
        for (let bit = 0; bit < frame.length * 8; bit++) {
          const turned = Buffer.from(sealed)
          turned[bit >> 3]! ^= 1 << (bit & 7)
          const before = Buffer.from(turned)
          assert.equal(deserialize(turned).bytes, turned, `bit ${bit}`)
          assert.deepEqual(turned, before)
        }
      })
    }
  })
})
