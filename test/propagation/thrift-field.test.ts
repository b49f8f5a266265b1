import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  isTraceField,
  readField,
  writeBinaryField,
  writeCompactField,
  writeField,
  type FieldInput,
  type FieldOutput,
  type FieldWriter,
} from '#src/propagation/thrift-field.js'

// oxlint-disable-next-line typescript/no-explicit-any -- the package brings no types
const thrift: any = createRequire(import.meta.url)('thrift')

const B3 = '463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1-0020000000000001'

const protocols = [
  { name: 'binary', Protocol: thrift.TBinaryProtocol, quick: writeBinaryField, hex: BINARY() },
  { name: 'compact', Protocol: thrift.TCompactProtocol, quick: writeCompactField, hex: COMPACT() },
  { name: 'json', Protocol: thrift.TJSONProtocol, quick: writeField, hex: undefined },
]

/** The field as docs/wire-format.md has it: type, ID, types and number of entries, then each with its length. */
function BINARY(): string {
  const value = Buffer.from(B3).toString('hex')
  return `0d22b80b0b00000001000000026233000000${B3.length.toString(16)}${value}`
}
function COMPACT(): string {
  return `0bf08a010188026233${B3.length.toString(16)}${Buffer.from(B3).toString('hex')}`
}

/** A message whose arguments are the field and then number 1. */
function message(Protocol: new (transport: unknown) => never, write: FieldWriter, entries: string[]): Buffer {
  let written: Buffer = Buffer.alloc(0)
  const transport = new thrift.TBufferedTransport(undefined, (bytes: Buffer) => (written = bytes))
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  const protocol: any = new Protocol(transport)
  protocol.writeMessageBegin('add', 1, 1)
  protocol.writeStructBegin('args')
  write(protocol as FieldOutput, entries)
  protocol.writeFieldBegin('a', 8, 1)
  protocol.writeI32(2)
  protocol.writeFieldEnd()
  protocol.writeFieldStop()
  protocol.writeStructEnd()
  protocol.writeMessageEnd()
  transport.flush()
  return written
}

/** Reads such a message; what stands behind the field has to be there. */
function read(Protocol: new (transport: unknown) => never, bytes: Buffer): Map<string, string> | undefined {
  let found: Map<string, string> | undefined
  thrift.TBufferedTransport.receiver((transport: unknown) => {
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    const protocol: any = new Protocol(transport)
    protocol.readMessageBegin()
    protocol.readStructBegin()
    // npm's JSON hands fields over in the order of their IDs.
    for (let i = 0; i < 2; i++) {
      const field = protocol.readFieldBegin()
      if (isTraceField(field.ftype, field.fid)) found = readField(protocol as FieldInput)
      else assert.deepEqual([field.fid, protocol.readI32()], [1, 2])
      protocol.readFieldEnd()
    }
    assert.equal(protocol.readFieldBegin().ftype, 0)
  })(bytes)
  return found
}

describe('the field of a Thrift message', () => {
  for (const { name, Protocol, quick, hex } of protocols) {
    it(`${name}: has the documented bytes`, () => {
      const bytes = message(Protocol, quick, ['b3', B3])
      if (hex) assert.ok(bytes.toString('hex').includes(hex))
      else assert.ok(bytes.toString().includes(`"8888":{"map":["str","str",1,{"b3":"${B3}"}]}`))
    })

    it(`${name}: written in one piece is what the protocol itself writes, and is read back`, () => {
      const text = fc.string({ maxLength: 300, unit: 'grapheme' })
      const entries = fc.uniqueArray(fc.tuple(text, text), {
        minLength: 1,
        maxLength: 20,
        selector: ([key]) => key.toLowerCase(),
      })
      fc.assert(
        fc.property(entries, (pairs) => {
          const bytes = message(Protocol, quick, pairs.flat())
          assert.ok(bytes.equals(message(Protocol, writeField, pairs.flat())))
          if (name === 'json') return
          const expected = new Map(pairs.map(([key, value]) => [key.toLowerCase(), value]))
          const length = pairs.flat().join('').length
          const found = read(Protocol, bytes)
          assert.deepEqual(found, length <= 8192 ? expected : undefined)
        }),
      )
    })

    it(`${name}: a map that is too large is a stranger's, and the message goes on behind it`, () => {
      const many = Array.from({ length: 101 }, (_, i) => [`k${i}`, 'v']).flat()
      assert.equal(read(Protocol, message(Protocol, quick, many)), undefined)
      assert.equal(read(Protocol, message(Protocol, quick, ['b3', 'x'.repeat(8192)])), undefined)
      assert.deepEqual(read(Protocol, message(Protocol, quick, ['B3', B3])), new Map([['b3', B3]]))
    })
  }
})
