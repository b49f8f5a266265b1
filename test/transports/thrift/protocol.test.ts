import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import type { ZipkinSpan } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient, tracingProtocol } from 'tdist/thrift'
import {
  CALLS,
  callEverything,
  Service,
  startNpmServer,
  thrift,
  withNpmClient,
  type Wrap,
} from '../../support/thrift-npm.ts'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())

const MODES = ['off', 'field', 'prefix', 'auto'] as const
const served: Wrap = (processor) => traceProcessor(tracing, processor)

/** Puts a protocol in the place of the connection's own. */
const speaking =
  (protocolOf: (own: object) => object): Wrap =>
  (connection) => {
    const one = connection as { protocol: object }
    one.protocol = protocolOf(one.protocol)
    return connection
  }

describe('tracingProtocol', () => {
  for (const processor of ['plain', 'mux'] as const) {
    for (const protocol of ['binary', 'compact', 'json'] as const) {
      for (const propagation of MODES) {
        it(`${processor}, ${protocol}, ${propagation}: calls do what they do untraced, and are joined`, async () => {
          const wire = { processor, transport: 'framed', protocol }
          const server = await startNpmServer(wire, served)
          const call = (wrap?: Wrap): Promise<unknown[]> =>
            withNpmClient(wire, server.port, callEverything, wrap)
          const untraced = await call()
          await recorded.take(CALLS, 20_000)
          const wrap = speaking((own) => tracingProtocol(tracing, own, { propagation }))
          assert.deepEqual(await call(wrap), untraced)
          const spans = await recorded.take(2 * CALLS, 20_000)
          const clients = spans.filter(({ kind }) => kind === 'CLIENT')
          const servers = spans.filter(({ kind }) => kind === 'SERVER')
          assert.deepEqual([clients.length, servers.length], [CALLS, CALLS])
          const ids = new Set(clients.map(({ id }) => id))
          assert.ok(servers.every(({ id }) => ids.has(id) === (propagation !== 'off')))
          assert.deepEqual(exceptions(clients), ['declared', 'undeclared'])
          await server.close()
        })
      }
    }
  }

  it('on a server reads messages with a frame before them as those without', async () => {
    const protocol = tracingProtocol(tracing, thrift.TBinaryProtocol)
    const server = thrift.createServer(Service, { add: (a: number, b: number) => a + b }, { protocol })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const
    for (const propagation of MODES) {
      const wrap: Wrap = (connection) => traceThriftClient(tracing, connection, { propagation })
      assert.equal(await withNpmClient(wire, port, (client) => client.add(2, 3), wrap), 5)
      await recorded.take(1, 20_000)
    }
    server.close()
  })
})

function exceptions(spans: readonly ZipkinSpan[]): (string | undefined)[] {
  return spans.flatMap(({ tags }) => tags!['thrift.exception'] ?? []).toSorted()
}
