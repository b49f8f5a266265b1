import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient } from 'tdist/thrift'
import { traceContext } from '#src/span/trace-context.js'
import { encodeTraceFrame } from '#src/propagation/frame/trace-frame.js'
import { startNpmServer, thrift, wireOptions, withNpmClient } from '../../support/thrift-npm.ts'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())

const PROTOCOLS = ['binary', 'compact', 'json'] as const

describe('thrift, bytes as they come', () => {
  for (const transport of ['buffered', 'framed']) {
    for (const protocol of PROTOCOLS) {
      for (const propagation of ['field', 'prefix'] as const) {
        it(`${transport}, ${protocol}, ${propagation}: one at a time, each call is one span a side`, async () => {
          const wire = { processor: 'plain', transport, protocol } as const
          const server = await startNpmServer(wire, (processor) => traceProcessor(tracing, processor))
          const proxy = await startDripping(server.port)
          try {
            const said = await withNpmClient(
              wire,
              proxy.port,
              async (client) => [await client.add(2, 3), await client.echo('größe')],
              (connection) => traceThriftClient(tracing, connection, { propagation }),
            )
            assert.deepEqual(said, [5, 'größe'])
            const spans = await recorded.take(4, 20_000)
            assert.equal(new Set(spans.map(({ id }) => id)).size, 2)
            assert.equal(spans.filter(({ shared }) => shared).length, 2)
            assert.deepEqual(server.errors, [])
          } finally {
            await Promise.all([proxy.close(), server.close()])
          }
        })
      }
    }
  }
})

describe('thrift, bytes that a stranger sends', () => {
  const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const
  const frame = encodeTraceFrame(traceContext('6b221d5bc9e6496c', 'b7ad6b7169203331', undefined, true))

  it('two messages in one chunk are two calls, each of its own trace', async () => {
    const seen: number[] = []
    const two = Buffer.concat([frame, add(1, 2), add(3, 4)])
    const { errors, answer } = await send([two], seen)
    assert.deepEqual([errors, seen], [[], [1, 2, 3, 4]])
    assert.deepEqual(answer.subarray(0, 3), Buffer.from([0xc1, 0x54, 0x44]))
    const [one, other] = await recorded.take(2, 20_000)
    assert.equal(one!.shared, true)
    assert.equal(other!.shared, undefined)
    assert.notEqual(one!.traceId, other!.traceId)
  })

  it('half a magic, then the rest', async () => {
    for (const cut of [1, 2, 3, 5, 6, frame.length - 1, frame.length]) {
      const seen: number[] = []
      const { errors } = await send([frame.subarray(0, cut), frame.subarray(cut), add(5, 6)], seen)
      assert.deepEqual([errors, seen], [[], [5, 6]])
      assert.equal((await recorded.take(1, 20_000))[0]!.shared, true)
    }
  })

  const broken = {
    'a wrong major version': 3,
    'an N over 4096': 4,
    'an N too short': 5,
    'a wrong checksum': 20,
  }
  for (const [what, at] of Object.entries(broken)) {
    it(`${what} is the protocol's own error, and ends the connection`, async () => {
      const bad = Buffer.from(frame)
      bad[at] = at === 5 ? 2 : bad[at]! ^ 0x30
      const seen: number[] = []
      const traced = await send([Buffer.concat([bad, add(1, 2)])], seen)
      const untraced = await send([Buffer.concat([bad, add(1, 2)])], seen, (processor) => processor)
      assert.deepEqual(seen, [])
      assert.equal(traced.errors.length, 1)
      assert.deepEqual(traced.errors.map(String), untraced.errors.map(String))
    })
  }

  const fields: Record<string, readonly (readonly [string, string])[]> = {
    'hex junk': [['b3', 'zz-??-1']],
    'a map of 101 entries': Array.from({ length: 101 }, (_, i) => [`k${i}`, 'v'] as const),
    'a value of 9 kB': [['b3', 'a'.repeat(9000)]],
    'an empty map': [],
  }
  for (const [what, entries] of Object.entries(fields)) {
    it(`${what} in the field is passed over: a new trace`, async () => {
      for (const protocol of PROTOCOLS) {
        const seen: number[] = []
        const { errors } = await send([add(7, 8, strings(entries), protocol)], seen, undefined, protocol)
        assert.deepEqual([errors, seen], [[], [7, 8]])
        const [span] = await recorded.take(1, 20_000)
        assert.equal(span!.parentId, undefined)
        assert.equal(span!.shared, undefined)
      }
    })
  }

  it("upper-case IDs in the field are read as lower, and a denial outlives what stands in IDs' place", async () => {
    const upper = '463AC35C9F6413AD-A2FB4A1D1A96D312-1'
    await send([add(1, 2, strings([['b3', upper]]))], [])
    const [span] = await recorded.take(1, 20_000)
    assert.deepEqual(`${span!.traceId}-${span!.id}-1`, upper.toLowerCase())
    for (const denial of [upper.replace(/1$/, '0'), 'junk-??-0']) {
      const seen: number[] = []
      await send([add(3, 4, strings([['b3', denial]]))], seen)
      assert.deepEqual(seen, [3, 4])
    }
    recorded.assertClean()
  })

  it('a map of numbers under the same ID is passed over', async () => {
    for (const protocol of PROTOCOLS) {
      const seen: number[] = []
      // oxlint-disable-next-line typescript/no-explicit-any -- npm's thrift brings no types
      const numbers = (output: any): void => {
        output.writeFieldBegin('', 13, 8888)
        output.writeMapBegin(8, 8, 2)
        for (const n of [1, 2, 3, 4]) output.writeI32(n)
        output.writeMapEnd()
        output.writeFieldEnd()
      }
      const { errors } = await send([add(9, 10, numbers, protocol)], seen, undefined, protocol)
      assert.deepEqual([errors, seen], [[], [9, 10]])
      assert.equal((await recorded.take(1, 20_000))[0]!.shared, undefined)
    }
  })

  /** Sends the chunks one by one, ends, and waits for the server's end; tells what both sides saw. */
  async function send(
    chunks: readonly Buffer[],
    seen: number[],
    wrap: (processor: object) => object = (processor) => traceProcessor(tracing, processor),
    protocol: string = wire.protocol,
  ): Promise<{ errors: unknown[]; answer: Buffer }> {
    const handler = { add: (a: number, b: number) => (seen.push(a, b), a + b) }
    const server = await startNpmServer({ ...wire, protocol }, wrap, handler)
    const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true })
    const answer: Buffer[] = []
    socket.on('data', (bytes) => answer.push(bytes))
    try {
      await once(socket, 'connect')
      for (const chunk of chunks) await new Promise((written) => socket.write(chunk, written))
      // An answer comes a turn after its call.
      if (server.errors.length === 0 && chunks.length > 0)
        await Promise.race([once(socket, 'data'), once(socket, 'close')])
      socket.end()
      if (!socket.closed) await once(socket, 'close')
    } finally {
      await server.close()
    }
    return { errors: server.errors, answer: Buffer.concat(answer) }
  }
})

type Output = { flush(): void }

/** The bytes of a call of `add`, with more written at the beginning of its arguments. */
function add(a: number, b: number, more?: (output: never) => void, protocol = 'binary'): Buffer {
  const { transport, protocol: Protocol } = wireOptions({
    processor: 'plain',
    transport: 'buffered',
    protocol,
  })
  const written: Buffer[] = []
  const Kind = transport as new (_: undefined, flushed: (bytes: Buffer) => void) => Output
  const trans = new Kind(undefined, (bytes) => written.push(Buffer.from(bytes)))
  // oxlint-disable-next-line typescript/no-explicit-any -- npm's thrift brings no types
  const output = new (Protocol as any)(trans)
  output.writeMessageBegin('add', thrift.Thrift.MessageType.CALL, 1)
  output.writeStructBegin('Service_add_args')
  more?.(output as never)
  for (const [i, n] of [a, b].entries()) {
    output.writeFieldBegin('', thrift.Thrift.Type.I32, i + 1)
    output.writeI32(n)
    output.writeFieldEnd()
  }
  output.writeFieldStop()
  output.writeStructEnd()
  output.writeMessageEnd()
  trans.flush()
  return Buffer.concat(written)
}

function strings(entries: readonly (readonly [string, string])[]) {
  // oxlint-disable-next-line typescript/no-explicit-any -- npm's thrift brings no types
  return (output: any): void => {
    output.writeFieldBegin('', 13, 8888)
    output.writeMapBegin(11, 11, entries.length)
    for (const text of entries.flat()) output.writeString(text)
    output.writeMapEnd()
    output.writeFieldEnd()
  }
}

/** A proxy that hands each byte on by itself, in both directions. */
async function startDripping(port: number): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true })
    near.setNoDelay()
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => to.destroy())
      from.on('data', (bytes) => void drip(from, to, bytes))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function drip(from: Socket, to: Socket, bytes: Buffer): Promise<void> {
  from.pause()
  for (const byte of bytes) {
    await new Promise((written) => to.write(Buffer.of(byte), written))
    // The reader takes it before the next one is sent.
    await new Promise(setImmediate)
  }
  from.resume()
}
