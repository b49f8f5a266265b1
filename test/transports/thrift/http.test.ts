import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { traceHttpServer } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient, type ThriftOptions } from 'tdist/thrift'
import { Service, startNpmServer, thrift, wireOptions, withNpmClient } from '../../support/thrift-npm.ts'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())

const wire = { processor: 'plain', transport: 'http', protocol: 'binary' } as const
const traced =
  (options?: ThriftOptions) =>
  <T extends object>(connection: T): T =>
    traceThriftClient(tracing, connection, options)

describe('thrift over HTTP', () => {
  for (const httpHeaders of [true, false]) {
    it(`httpHeaders ${httpHeaders}: the request ${httpHeaders ? 'has' : 'has no'} B3 headers of the call`, async () => {
      const server = await startWeb()
      await withNpmClient(wire, server.port, (client) => client.add(1, 2), traced({ httpHeaders }) as never)
      const [call] = await recorded.take(1, 20_000)
      assert.deepEqual(server.traceIds, [httpHeaders ? call!.traceId : undefined])
      await server.close()
    })
  }

  it('trace headers that a signature covers stay as they are, and so do the headers themselves', async () => {
    const server = await startWeb()
    const headers = {
      'x-b3-traceid': '463ac35c9f6413ad',
      'signature-input': 'a=("x-b3-traceid")',
      signature: 'a=:bc=:',
    }
    const given = { ...headers }
    await withNpmClient(
      wire,
      server.port,
      (client) => client.add(1, 2),
      (connection) => {
        Object.assign((connection as { nodeOptions: { headers: object } }).nodeOptions.headers, given)
        return traced()(connection as object) as never
      },
    )
    const [call] = await recorded.take(1, 20_000)
    assert.notEqual(call!.traceId, headers['x-b3-traceid'])
    assert.deepEqual(server.traceIds, [headers['x-b3-traceid']])
    assert.deepEqual(given, headers)
    await server.close()
  })

  it('joined with a traced HTTP server, a call is one span a side', async () => {
    const server = await startWeb(true)
    const sums = await withNpmClient(
      wire,
      server.port,
      (client) => Promise.all(Array.from({ length: 10 }, (_, i) => client.add(i, 1))),
      traced() as never,
    )
    assert.deepEqual(
      sums,
      Array.from({ length: 10 }, (_, i) => i + 1),
    )
    const spans = await recorded.take(20, 20_000)
    const clients = new Set(spans.filter(({ kind }) => kind === 'CLIENT').map(({ id }) => id))
    const servers = spans.filter(({ kind }) => kind === 'SERVER')
    assert.deepEqual([clients.size, servers.length], [10, 10])
    assert.ok(servers.every(({ id, name }) => clients.has(id) && name === 'Service.add'))
    await server.close()
  })
})

it('calls that a rule ignores are as untraced: no span, nothing told', async () => {
  const seen: unknown[] = []
  const over = { ...wire, transport: 'framed' }
  const server = await startNpmServer(over, (processor) => traceProcessor(tracing, processor))
  const ignore = (service: string | undefined, host: string | undefined): boolean => {
    seen.push([service, host])
    return true
  }
  await withNpmClient(over, server.port, (client) => client.add(1, 2), traced({ ignore }) as never)
  const [span] = await recorded.take(1, 20_000)
  assert.deepEqual([span!.kind, span!.shared], ['SERVER', undefined])
  assert.deepEqual(seen, [['Service', '127.0.0.1']])
  await server.close()
})

/** A web server of npm's thrift which keeps the trace IDs that its requests' headers tell. */
async function startWeb(both = false) {
  const traceIds: unknown[] = []
  const plain = new Service.Processor({ add: (a: number, b: number) => a + b })
  const processor = both ? traceProcessor(tracing, plain) : plain
  const server = thrift.createWebServer({ services: { '/': { processor, ...wireOptions(wire) } } })
  server.prependListener('request', (request: { headers: Record<string, unknown> }) =>
    traceIds.push(request.headers['x-b3-traceid'] ?? (request.headers['b3'] as string)?.split('-')[0]),
  )
  if (both) traceHttpServer(tracing, server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    traceIds,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
