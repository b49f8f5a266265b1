import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor } from 'tdist/thrift'
import { frameLength, isFrameStart } from '#src/propagation/frame/trace-frame.js'
import { Service, wireOptions } from '../../support/thrift-npm.ts'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())

/** How many inputs in all, over the protocols and transports. */
const INPUTS = 1_000_000
const KINDS = ['buffered', 'framed'].flatMap((transport) =>
  ['binary', 'compact'].map((protocol) => ({ transport, protocol })),
)
// A strict binary header of a call of `ping`, up to its arguments.
const HEADER = [0x80, 1, 0, 1, 0, 0, 0, 4, 0x70, 0x69, 0x6e, 0x67, 0, 0, 0, 1]
const BEGINNINGS = [[], [0xc1], [0xc1, 0x54], [0xc1, 0x54, 0x44], [0xc1, 0x54, 0x44, 0x10, 0], HEADER]

describe('thrift, random bytes', () => {
  for (const { transport, protocol } of KINDS) {
    it(`${transport}, ${protocol}: what comes of them is what comes of them untraced`, async () => {
      const { transport: Transport, protocol: Protocol } = wireOptions({
        processor: 'plain',
        transport,
        protocol,
      }) as Parts
      let calls = 0
      const plain = new Service.Processor({ ping: () => void calls++ })
      const traced = traceProcessor(tracing, plain)
      const random = seeded(transport.length * 31 + protocol.length)
      for (let i = 0; i < INPUTS / KINDS.length; i++) {
        const begin = BEGINNINGS[i % BEGINNINGS.length]!
        const tail = Buffer.from(Array.from({ length: random() & 15 }, () => random() & 0xff))
        const message = Buffer.concat([Buffer.from(begin), tail])
        const bytes = transport === 'framed' ? whole(message) : message
        const before = calls
        const untraced = outcome(plain, bytes)
        const called = calls - before
        const same = outcome(traced, bytes)
        // A part of a trace frame is waited for, where untraced it is refused at once.
        const expected = isPartOfFrame(message) ? 'InputBufferUnderrunError' : untraced
        if (same !== expected || calls - before !== 2 * called) {
          assert.deepEqual([same, calls - before - called], [expected, called], bytes.toString('hex'))
        }
      }
      // Half of them came to the traced processor: a span each, which ends when the answer is written.
      await recorded.take(calls / 2, 20_000)

      function outcome(processor: { process(input: object, output: object): void }, bytes: Buffer): string {
        try {
          Transport.receiver((trans) => {
            const output = new Protocol(new Transport(undefined, () => {}))
            processor.process(new Protocol(trans), output)
          })(bytes)
          return 'done'
        } catch (error) {
          return (error as Error).constructor.name
        }
      }
    })
  }
})

function isPartOfFrame(bytes: Buffer): boolean {
  if (!isFrameStart(bytes, 0, bytes.length)) return false
  const length = frameLength(bytes, 0, bytes.length)
  return length === 0 || length > bytes.length
}

function whole(message: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(message.length)
  return Buffer.concat([length, message])
}

interface Parts {
  transport: {
    new (_: undefined, flushed: () => void): object
    receiver(use: (trans: object) => void): (bytes: Buffer) => void
  }
  protocol: new (trans: object) => object
}

/** The same numbers each time: https://en.wikipedia.org/wiki/Xorshift */
function seeded(state: number): () => number {
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
