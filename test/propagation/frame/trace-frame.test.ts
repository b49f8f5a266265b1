import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { traceContext } from '#src/span/trace-context.js'
import { crc16 } from '#src/propagation/frame/crc16.js'
import {
  decodeTraceFrame,
  encodeTraceFrame,
  frameLength,
  isFrameStart,
} from '#src/propagation/frame/trace-frame.js'

interface Vector {
  name: string
  context: {
    traceId?: string
    spanId?: string
    parentId?: string
    sampled?: boolean
    debug?: boolean
    reply?: boolean
    fields?: { type: number; value: string }[]
  }
  hex: string
}

const vectors = JSON.parse(
  readFileSync(
    new URL('../../../../test/propagation/frame/trace-frame-vectors.json', import.meta.url),
    'utf8',
  ),
) as Vector[]

const read = (bytes: Buffer) => decodeTraceFrame(bytes, 0, bytes.length)

/** With a checksum that fits, whatever was changed. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt16BE(crc16(bytes, 0, bytes.length - 2), bytes.length - 2)
  return bytes
}

const hexOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => {
    bytes[0]! |= 1
    return Buffer.from(bytes).toString('hex')
  })
const baggages = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 20 }).filter((name) => name !== '__proto__'),
  fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/),
  { noNullPrototype: true },
)
const contexts = fc
  .record({
    traceId: fc.oneof(hexOf(8), hexOf(16)),
    spanId: hexOf(8),
    parentId: fc.option(hexOf(8), { nil: undefined }),
    sampled: fc.option(fc.boolean(), { nil: undefined }),
    debug: fc.boolean(),
    baggage: baggages,
    tracestate: fc.constantFrom(undefined, 'a=1', 'vendor@x=some value,b=2'),
  })
  .map(({ traceId, spanId, parentId, sampled, debug, baggage, tracestate }) => {
    const some = Object.keys(baggage).length > 0 ? baggage : undefined
    const extra = some || tracestate ? { baggage: some, tracestate } : undefined
    return traceContext(traceId, spanId, parentId, sampled, debug, false, extra)
  })

describe('a trace frame', () => {
  for (const { name, context, hex } of vectors) {
    const bytes = Buffer.from(hex, 'hex')
    const fields = new Map(context.fields?.map(({ type, value }) => [type, value]))
    const baggage = fields.has(1)
      ? Object.fromEntries([fields.get(1)!.split('=') as [string, string]])
      : undefined

    it(`is read: ${name}`, () => {
      const frame = read(bytes)
      assert.equal(frame?.length, bytes.length)
      assert.equal(frame.reply, context.reply ?? false)
      assert.equal(frame.caller, fields.get(3))
      const { extracted } = frame
      assert.equal(extracted?.context?.traceId, context.traceId)
      assert.equal(extracted?.context?.spanId, context.spanId)
      assert.equal(extracted?.context?.parentId, context.parentId)
      assert.equal(extracted?.sampled, context.debug ? true : context.sampled)
      assert.equal(extracted?.debug ?? false, context.debug ?? false)
      assert.deepEqual(extracted?.extra?.baggage, baggage)
    })

    // What we write has either a whole context or none: a decision without IDs is only read.
    const { traceId, spanId, parentId, sampled, debug, reply } = context
    if (traceId === undefined && sampled !== undefined) continue
    it(`is written: ${name}`, () => {
      const extra = baggage && { baggage }
      const written = traceId
        ? traceContext(traceId, spanId!, parentId, sampled, debug, false, extra)
        : undefined
      const caller = fields.get(3)
      const frame = encodeTraceFrame(written, { ...(reply && { reply }), ...(caller && { caller }) })
      assert.equal(frame.toString('hex'), hex)
    })
  }

  it('says what it was given, wherever it stands', () => {
    const around = fc.uint8Array({ maxLength: 20 })
    fc.assert(
      fc.property(
        contexts,
        fc.boolean(),
        fc.option(fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }), { nil: undefined }),
        around,
        around,
        (context, reply, caller, before, after) => {
          const frame = encodeTraceFrame(context, { reply, ...(caller !== undefined && { caller }) })
          const bytes = Buffer.concat([before, frame, after])
          const start = before.length
          assert.ok(isFrameStart(bytes, start, bytes.length))
          assert.equal(frameLength(bytes, start, bytes.length), frame.length)
          const found = decodeTraceFrame(bytes, start, bytes.length)
          assert.deepEqual(found?.extracted?.context, context)
          assert.equal(found?.reply, reply)
          assert.equal(found.caller, caller)
          assert.equal(found.extracted?.joinable, true)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('is none when a bit is changed, or a byte is missing', () => {
    for (const { hex } of vectors) {
      const bytes = Buffer.from(hex, 'hex')
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Buffer.from(bytes)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        // Another minor version is a frame: only its checksum tells that it was changed.
        assert.equal(read(changed), undefined, `${hex}, bit ${bit}`)
      }
      for (let end = 0; end < bytes.length; end++) {
        assert.equal(read(bytes.subarray(0, end)), undefined, `${hex}, ${end} bytes`)
        assert.equal(isFrameStart(bytes, 0, end), end > 0)
      }
    }
  })

  it('of a later minor version is read as far as it is known', () => {
    const frame = encodeTraceFrame(traceContext('463ac35c9f6413ad', 'a2fb4a1d1a96d312'))
    const later = Buffer.concat([frame.subarray(0, -2), Buffer.from([9, 9, 9, 0, 0])])
    later[3] = 0x1f
    later[5]! += 3
    const found = read(sealed(later))
    assert.equal(found?.length, later.length)
    assert.equal(found.extracted?.context?.spanId, 'a2fb4a1d1a96d312')
  })

  it('passes over fields that it does not know', () => {
    const frame = encodeTraceFrame(undefined, { caller: 'shop' })
    const more = Buffer.concat([
      frame.subarray(0, 7),
      Buffer.from([77, 0, 2, 1, 1]),
      frame.subarray(7, -2),
      Buffer.alloc(2),
    ])
    more[5]! += 5
    assert.equal(read(sealed(more))?.caller, 'shop')
  })

  it('is none with another major version, an N too long to believe, or too short for its flags', () => {
    const changed = (change: (bytes: Buffer) => Buffer | void): Buffer => {
      const bytes = Buffer.from(vectors[0]!.hex, 'hex')
      return sealed(change(bytes) ?? bytes)
    }
    assert.equal(read(changed((bytes) => void (bytes[3] = 0x20))), undefined)
    const short = changed((bytes) => {
      bytes[5] = 1
      return bytes.subarray(0, 9)
    })
    assert.equal(read(short), undefined)
    const long = Buffer.alloc(6 + 4097)
    Buffer.from('c1544410', 'hex').copy(long)
    long.writeUInt16BE(4097, 4)
    assert.equal(read(sealed(long)), undefined)
    const overrun = encodeTraceFrame(undefined, { caller: 'shop' })
    overrun[9]! += 1
    assert.equal(read(sealed(overrun)), undefined)
  })

  it('with IDs of zeros says nothing; a parent of zeros is none', () => {
    const frame = Buffer.from(vectors[0]!.hex, 'hex')
    for (const [from, to] of [
      [7, 23],
      [23, 31],
    ]) {
      const zeros = read(sealed(Buffer.from(frame).fill(0, from, to)))
      assert.equal(zeros?.length, frame.length)
      assert.equal(zeros.extracted, undefined)
    }
    const found = read(sealed(Buffer.from(frame).fill(0, 31, 39)))
    assert.equal(found?.extracted?.context?.parentId, undefined)
    assert.equal(found?.extracted?.context?.spanId, 'a2fb4a1d1a96d312')
  })

  it('leaves out what would make it too long', () => {
    const baggage = { a: 'x'.repeat(4090) }
    const extra = { baggage, tracestate: 'a=1' }
    const found = read(
      encodeTraceFrame(
        traceContext('463ac35c9f6413ad', 'a2fb4a1d1a96d312', undefined, true, false, false, extra),
      ),
    )
    assert.deepEqual(found?.extracted?.extra, { baggage: undefined, tracestate: 'a=1' })
  })

  it('brings no baggage that would break a header or an object, and none that is half a character', () => {
    const text = 'ok=1,__proto__=2,line=a%0d%0ab,bad=%zz,=3,none,accent=%C3%A9'
    const frame = encodeTraceFrame(undefined, { caller: text })
    frame[7] = 1
    assert.deepEqual(read(sealed(frame))?.extracted?.extra?.baggage, { ok: '1', accent: 'é' })
    const extra = { baggage: { half: '\ud800', ok: '1' } }
    const written = traceContext('463ac35c9f6413ad', 'a2fb4a1d1a96d312', undefined, true, false, false, extra)
    assert.deepEqual(read(encodeTraceFrame(written))?.extracted?.extra?.baggage, { ok: '1' })
  })

  it('is found in no random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (random, begun) => {
        const bytes = Buffer.from(random)
        if (begun) Buffer.from('c15444100003', 'hex').copy(bytes)
        // One in 65,536 fits its checksum by chance.
        const found = read(bytes)
        if (found) assert.equal(crc16(bytes, 0, found.length - 2), bytes.readUInt16BE(found.length - 2))
      }),
      { numRuns: 20_000 },
    )
  })
})
