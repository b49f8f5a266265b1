import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import type { ZipkinSpan } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient } from 'tdist/thrift'
import { startSpanSink } from '../support/span-sink.ts'
import { CALLS, callEverything, startNpmServer, withNpmClient } from '../support/thrift-npm.ts'
import { startThriftPeer, type Wire } from '../support/thrift-peer.ts'

describe('Thrift with a Java peer that OpenTelemetry’s agent traces', async () => {
  const sink = await startSpanSink()
  after(() => sink.close())
  const peer = await startThriftPeer('java', {
    openTelemetry: true,
    env: {
      OTEL_SERVICE_NAME: 'java',
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: sink.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
    },
  })
  if (typeof peer === 'string') {
    it('joins traces', { skip: process.env['CI'] ? false : peer }, () => assert.fail(peer))
    return
  }
  after(() => peer.stop())
  const test = createTestTracing()
  afterEach(() => test.assertClean())

  for (const wire of peer.servers) {
    it(`joins our traces over ${name(wire)}`, async () => {
      await withNpmClient(wire, wire.port, callEverything, (connection) =>
        traceThriftClient(test.tracing, connection, { fieldKeys: ['b3', 'traceparent'] }),
      )
      joined(await test.take(CALLS, 20_000), await javaSpans(CALLS))
    })

    if (wire.transport === 'nonblocking') continue
    it(`has its traces joined by us over ${name(wire)}`, async () => {
      const server = await startNpmServer(wire, (processor) => traceProcessor(test.tracing, processor))
      try {
        await peer.call(wire, server.port)
      } finally {
        await server.close()
      }
      joined(await javaSpans(CALLS), await test.take(CALLS, 20_000))
    })
  }

  async function javaSpans(count: number): Promise<ZipkinSpan[]> {
    await sink.arrival(count)
    return sink.spans.splice(0)
  }
})

/** Each client span has one server span below it, and no more. */
function joined(clients: readonly ZipkinSpan[], servers: readonly ZipkinSpan[]): void {
  const edge = (traceId: string, id: string | undefined): string => `${traceId} ${id}`
  assert.deepEqual(
    servers.map(({ kind, traceId, parentId }) => `${kind} ${edge(traceId, parentId)}`).sort(),
    clients.map(({ traceId, id }) => `SERVER ${edge(traceId, id)}`).sort(),
  )
  assert.ok(clients.every(({ kind }) => kind === 'CLIENT'))
}

function name({ processor, transport, protocol }: Wire): string {
  return `${transport}, ${protocol}${processor === 'mux' ? ', multiplexed' : ''}`
}
