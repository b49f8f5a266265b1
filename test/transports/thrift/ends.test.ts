import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { createTestTracing } from 'tdist/testing'
import { traceThriftClient, type ThriftOptions } from 'tdist/thrift'
import { freePorts } from '../../support/free-ports.ts'
import { createNpmClient, openNpmConnection, startNpmServer, type Client } from '../../support/thrift-npm.ts'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())

const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const

describe('thrift calls that get no answer', () => {
  const ends: Record<string, [string, (connection: Connection, peer: Socket) => unknown]> = {
    'the server ends': ['connection closed', (_, peer) => peer.end()],
    'the server destroys': ['connection closed', (_, peer) => peer.destroy()],
    'the client ends': ['connection closed', (connection, peer) => (connection.end(), peer.end())],
    'the client destroys': ['connection closed', (connection) => connection.connection.destroy()],
    'the socket is silent': ['timeout', (connection) => connection.connection.setTimeout(20)],
  }
  for (const [what, [reason, end]] of Object.entries(ends)) {
    it(`${what}: the span ends with the reason, the call stays open as untraced`, async () => {
      const silent = await startSilent()
      const { connection, client } = open(silent.port)
      const call = watched(client.add(1, 2))
      end(connection, await silent.peer)
      const [span] = await recorded.take(1, 20_000)
      assert.equal(span!.tags!['error'], reason)
      assert.equal(span!.tags!['thrift.exception'], undefined, 'nobody threw anything')
      await new Promise(setImmediate)
      assert.equal(call.state, 'pending')
      connection.connection.destroy()
      await silent.close()
    })
  }

  it('failPendingOnClose makes them fail', async () => {
    const silent = await startSilent()
    const { connection, client } = open(silent.port, { failPendingOnClose: true })
    const calls = [client.add(1, 2), client.echo('a')]
    const settled = Promise.allSettled(calls)
    const peer = await silent.peer
    peer.destroy()
    const results = await settled
    // What the peer has not read resets the connection.
    for (const result of results) {
      assert.match(String((result as PromiseRejectedResult).reason), /connection closed|ECONNRESET/)
    }
    await recorded.take(2, 20_000)
    connection.connection.destroy()
    await silent.close()
  })

  it('failPendingOnClose: what a callback throws is uncaught, and the other calls fail as well', async () => {
    const silent = await startSilent()
    const { connection, client } = open(silent.port, { failPendingOnClose: true })
    const requests = (client as unknown as { _reqs: Record<number, (error: Error) => void> })._reqs
    const calls = [watched(client.add(1, 2)), watched(client.add(3, 4))]
    const uncaught = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve))
    const answered = requests[1]!
    requests[1] = (error) => {
      answered(error)
      throw new Error('of the callback')
    }
    ;(await silent.peer).end()
    assert.match(String(await uncaught), /of the callback/)
    await recorded.take(2, 20_000)
    await new Promise(setImmediate)
    process.setUncaughtExceptionCaptureCallback(null)
    assert.deepEqual(
      calls.map(({ state }) => state),
      ['settled', 'settled'],
    )
    connection.connection.destroy()
    await silent.close()
  })

  for (const transport of ['buffered', 'http']) {
    for (const failPendingOnClose of [false, true]) {
      it(`${transport}, failPendingOnClose ${failPendingOnClose}: nobody listens`, async () => {
        const [port] = await freePorts(1)
        const { client } = open(port!, { failPendingOnClose }, {}, { ...wire, transport })
        const calls = [watched(client.add(1, 2)), watched(client.add(3, 4))]
        const spans = await recorded.take(2, 20_000)
        for (const { tags } of spans) {
          assert.match(tags!['error']!, /^connect ECONNREFUSED/)
          assert.equal(tags!['thrift.exception'], undefined, 'nobody threw anything')
        }
        await new Promise(setImmediate)
        const state = failPendingOnClose ? 'settled' : 'pending'
        assert.deepEqual(
          calls.map((call) => call.state),
          [state, state],
        )
      })
    }
  }

  it('http: the server answers with a status', async () => {
    const server = createHttpServer((_, response) => response.writeHead(503).end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { client } = open(port, { failPendingOnClose: true }, {}, { ...wire, transport: 'http' })
    await assert.rejects(client.add(1, 2), { statusCode: 503 })
    const [span] = await recorded.take(1, 20_000)
    assert.match(span!.tags!['error']!, /503/)
    server.closeAllConnections()
    server.close()
  })

  it('over their greatest age', async () => {
    const silent = await startSilent()
    const { connection, client } = open(silent.port, { maxSpanAgeMs: 20 })
    void client.add(1, 2)
    await silent.peer
    const [span] = await recorded.take(1, 20_000)
    assert.equal(span!.tags!['error'], 'no response')
    connection.connection.destroy()
    await silent.close()
  })

  it('that waited for the connection end with their answer', async () => {
    const silent = await startSilent()
    await silent.close()
    const { connection, client } = open(silent.port, {}, { max_attempts: 50, retry_max_delay: 200 })
    const call = client.add(1, 2)
    await new Promise<void>((resolve) => connection.once('reconnecting', resolve))
    const server = await startNpmServer(wire, undefined, undefined, silent.port)
    assert.equal(await call, 3)
    const [span] = await recorded.take(1, 20_000)
    assert.equal(span!.tags!['error'], undefined)
    connection.end()
    await server.close()
  })

  it('whose arguments cannot be written fail as untraced, with a span', async () => {
    const server = await startNpmServer(wire)
    const failures: unknown[] = []
    for (const traced of [false, true]) {
      const connection = openNpmConnection(wire, server.port)
      await once(connection, 'connect')
      const client = createNpmClient(wire, traced ? traceThriftClient(tracing, connection) : connection)
      await client.big('no bytes'.length as unknown as Buffer).catch((error) => failures.push(String(error)))
      connection.end()
    }
    assert.equal(failures.length, 2)
    assert.equal(failures[0], failures[1])
    const [failed] = await recorded.take(1, 20_000)
    assert.equal(failed!.tags!['error'], 'not sent: the arguments cannot be written')
    assert.equal(failed!.tags!['thrift.exception'], undefined)
    await server.close()
  })
})

it('100,000 calls over one connection leave nothing behind', { timeout: 300_000 }, async () => {
  const server = await startNpmServer(wire)
  const { connection, client } = open(server.port)
  const before = await round(client, 10_000)
  const after = await round(client, 90_000)
  assert.ok(after - before < 8_000_000, `the heap has grown by ${after - before} bytes`)
  assert.deepEqual(Object.keys((client as unknown as { _reqs: object })._reqs), [])
  connection.end()
  await server.close()
})

/** Makes so many calls; returns how many bytes the heap has then. */
async function round(client: Client, calls: number): Promise<number> {
  for (let done = 0; done < calls; done += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.add(i, 0)))
    await recorded.take(100, 20_000)
  }
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  for (let i = 0; i < 3; i++) {
    ;(runInNewContext('gc') as () => void)()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().heapUsed
}

interface Connection {
  readonly connection: Socket
  end(): void
  on(event: string, heard: () => void): void
}

function open(
  port: number,
  options?: ThriftOptions,
  more?: object,
  over: Parameters<typeof openNpmConnection>[0] = wire,
) {
  const connection = openNpmConnection(over, port, more)
  connection.on('error', () => {})
  return { connection, client: createNpmClient(over, traceThriftClient(tracing, connection, options)) }
}

function watched(call: Promise<unknown>): { state: 'pending' | 'settled' } {
  const seen: { state: 'pending' | 'settled' } = { state: 'pending' }
  const settle = (): void => void (seen.state = 'settled')
  call.then(settle, settle)
  return seen
}

/** A server that takes connections and what they send, and says nothing. */
async function startSilent() {
  const server = createServer()
  // It has come when something has been said.
  const peer = new Promise<Socket>((resolve) => {
    server.on('connection', (socket) => {
      socket.on('error', () => {})
      socket.once('data', () => resolve(socket))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    peer,
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}
