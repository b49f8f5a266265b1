import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { ZipkinSpan } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient, type ThriftOptions } from 'tdist/thrift'
import {
  CALLS,
  callEverything,
  fireUntilHeard,
  startNpmServer,
  withNpmClient,
  type Client,
  type Wrap,
} from '../../support/thrift-npm.ts'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())
const take = (count: number): Promise<ZipkinSpan[]> => recorded.take(count, 20_000)

const tracedClient =
  (options?: ThriftOptions): Wrap =>
  (connection) =>
    traceThriftClient(tracing, connection, options)
const tracedServer: Wrap = (processor) => traceProcessor(tracing, processor)

const TRANSPORTS = ['buffered', 'framed', 'http', 'ws'] as const
const PROTOCOLS = ['binary', 'compact', 'json', 'old binary'] as const
const MODES = ['off', 'field', 'prefix', 'auto'] as const

describe('thrift', () => {
  for (const processor of ['plain', 'mux'] as const) {
    for (const transport of TRANSPORTS) {
      for (const protocol of PROTOCOLS) {
        // npm's multiplexing cannot read the names of old messages.
        if (processor === 'mux' && protocol === 'old binary') continue
        const wire = { processor, transport, protocol }
        // Over a WebSocket npm's server takes a message only if it comes in one piece.
        const call = (client: Client): Promise<unknown[]> =>
          callEverything(client, transport === 'ws' ? 1000 : undefined)
        it(`${processor}, ${transport}, ${protocol}: every mode does what untraced calls do`, async () => {
          const plain = await startNpmServer(wire)
          const traced = await startNpmServer(wire, tracedServer)
          try {
            if (transport === 'http') {
              await fireUntilHeard(wire, plain.port)
              await take(await fireUntilHeard(wire, traced.port))
            }
            const untraced = await withNpmClient(wire, plain.port, call)
            assert.deepEqual(await withNpmClient(wire, traced.port, call), untraced)
            await take(CALLS)
            for (const propagation of MODES) {
              const wrap = tracedClient({ propagation })
              if (propagation !== 'prefix' || transport === 'http' || transport === 'ws') {
                const said = await withNpmClient(wire, plain.port, call, wrap)
                assert.deepEqual(said, untraced, `${propagation}, plain server`)
                await take(CALLS)
              }
              const said = await withNpmClient(wire, traced.port, call, wrap)
              assert.deepEqual(said, untraced, `${propagation}, traced server`)
              joined(await take(2 * CALLS), propagation !== 'off')
            }
          } finally {
            await Promise.all([plain.close(), traced.close()])
          }
        })
      }
    }
  }
})

/** Each call is a client's and a server's span: of one ID when the server was told of the client's. */
function joined(spans: readonly ZipkinSpan[], told: boolean): void {
  const clients = spans.filter(({ kind }) => kind === 'CLIENT')
  const servers = spans.filter(({ kind }) => kind === 'SERVER')
  assert.equal(clients.length, CALLS)
  assert.equal(servers.length, CALLS)
  const ids = new Set(clients.map(({ id }) => id))
  assert.ok(servers.every(({ id, shared }) => ids.has(id) === told && (shared ?? false) === told))
  const names = (list: readonly ZipkinSpan[]): string[] => list.map(({ name }) => name!).sort()
  assert.deepEqual(names(servers), names(clients))
  assert.ok(clients.every(({ name }) => /^Service\.\w+$/.test(name!)))
}
