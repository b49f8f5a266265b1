import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, it } from 'node:test'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient } from 'tdist/thrift'
import { createNpmClient, openNpmConnection, startNpmServer } from '../../support/thrift-npm.ts'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())

const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const
const served = <T extends object>(processor: T): T => traceProcessor(tracing, processor)
const MAGIC = Buffer.from([0xc1, 0x54, 0x44])

describe('thrift, propagation auto', () => {
  for (const [what, wrap, framed] of [
    ['a traced server: the field once, then the frame', served, [false, true, true]],
    ['a plain server: the field for ever', undefined, [false, false, false]],
  ] as const) {
    it(what, async () => {
      const server = await startNpmServer(wire, wrap)
      const tap = await startTap(() => server.port)
      const connection = open(tap.port)
      const client = createNpmClient(wire, connection)
      for (let i = 0; i < 3; i++) {
        assert.equal(await client.add(i, 1), i + 1)
        await recorded.take(wrap ? 2 : 1, 20_000)
      }
      assert.deepEqual(tap.requests.map(isFramed), framed)
      connection.end()
      await Promise.all([tap.close(), server.close()])
    })
  }

  it('a server that is downgraded, then upgraded, where it was: no call fails', async () => {
    const first = await startNpmServer(wire, served)
    const { port } = first
    const connection = open(port, { max_attempts: 100, retry_max_delay: 100 })
    const client = createNpmClient(wire, connection)
    let current = first
    for (const wrap of [served, undefined, served]) {
      if (current !== first || wrap === undefined) {
        const gone = new Promise<void>((resolve) => connection.once('reconnecting', resolve))
        const back = new Promise<void>((resolve) => connection.once('connect', resolve))
        await current.close()
        await gone
        current = await startNpmServer(wire, wrap, undefined, port)
        await back
      }
      for (let i = 0; i < 20; i++) {
        const sums = await Promise.all([client.add(i, 1), client.add(i, 2)])
        assert.deepEqual(sums, [i + 1, i + 2])
        const spans = await recorded.take(wrap ? 4 : 2, 20_000)
        assert.ok(spans.every(({ tags }) => tags!['error'] === undefined))
        if (wrap) assert.equal(new Set(spans.map(({ id }) => id)).size, 2)
      }
      assert.deepEqual(current.errors, [])
    }
    connection.end()
    await current.close()
  })

  it('a server that is downgraded, restarted and upgraded under load: only calls that it cut off have to be made again', async () => {
    let server = await startNpmServer(wire, served)
    const tap = await startTap(() => server.port)
    const wrong: unknown[] = []
    let rounds = 0
    let isOver = false
    const caller = async (own: number): Promise<void> => {
      const connection = open(tap.port, { max_attempts: 1000, retry_max_delay: 20 }, true)
      const client = createNpmClient(wire, connection)
      for (let i = 0; !isOver; i++) {
        try {
          const sums = await Promise.all([client.add(i, own), client.add(i, -own)])
          if (sums[0] !== i + own || sums[1] !== i - own) wrong.push(sums)
          rounds++
        } catch (error) {
          if (!/connection (lost|closed)/.test(String(error))) wrong.push(error)
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      }
      connection.end()
    }
    const callers = Promise.all([1, 2, 3, 4, 5, 6].map(caller))
    for (const wrap of [undefined, undefined, served, served, undefined, served]) {
      const { port, errors } = server
      await untilRounds(100)
      await server.close()
      wrong.push(...errors)
      server = await startNpmServer(wire, wrap, undefined, port)
      await untilRounds(100)
      // What came for the one before has been and gone.
      tap.requests.splice(0)
      await untilRounds(100)
      assert.equal(tap.requests.some(isFramed), wrap !== undefined)
    }
    isOver = true
    await callers
    assert.deepEqual(wrong, [])
    await Promise.all([tap.close(), server.close()])
    await recorded.take(recorded.spans.length)

    async function untilRounds(more: number): Promise<void> {
      for (const enough = rounds + more; rounds < enough;) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        if (wrong.length > 0) throw wrong[0]
      }
    }
  })
})

function isFramed(request: Buffer): boolean {
  return request.subarray(0, 3).equals(MAGIC)
}

function open(port: number, more?: object, failPendingOnClose = false) {
  const connection = openNpmConnection(wire, port, more)
  connection.on('error', () => {})
  return traceThriftClient(tracing, connection, { propagation: 'auto', failPendingOnClose })
}

/** A proxy that keeps what clients send, a chunk a request where each waits for the one before. */
async function startTap(portOf: () => number) {
  const requests: Buffer[] = []
  const server = createServer((near) => {
    const far = connect(portOf(), '127.0.0.1')
    near.on('data', (bytes) => requests.push(bytes))
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => {})
      socket.on('close', () => other.destroy())
      socket.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}
