import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import type { ZipkinSpan } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient } from 'tdist/thrift'
import {
  CALLS,
  callEverything,
  fireUntilHeard,
  startNpmServer,
  withNpmClient,
} from '../support/thrift-npm.ts'
import { startThriftPeer, type Wire } from '../support/thrift-peer.ts'

/** What came of foreign clients' calls to a plain server of npm's; they leave out the oneway call by HTTP. */
const SAID = [5, 'größe ☂ 数', true, true, 'fired', 'Oops why', 'undeclared why', 190, true]
const SAID_BY_HTTP = SAID.filter((said) => said !== 'fired')
const CALLS_BY_HTTP = CALLS - 2

/** The wires that only one end has: a server's nonblocking framed ones, and Java's client by HTTP. */
const asClient = (wires: readonly Wire[]): readonly Wire[] =>
  wires.filter(({ transport }) => transport !== 'nonblocking')
const JAVA_BY_HTTP = (['plain', 'mux'] as const).flatMap((processor) =>
  ['binary', 'compact', 'json'].map((protocol) => ({ processor, transport: 'http', protocol })),
)

for (const language of ['python', 'cpp', 'java'] as const) {
  describe(`Thrift with an unmodified ${language} peer`, async () => {
    const peer = await startThriftPeer(language)
    if (typeof peer === 'string') {
      it('is as without tracing', { skip: process.env['CI'] ? false : peer }, () => assert.fail(peer))
      return
    }
    after(() => peer.stop())
    const test = createTestTracing()
    afterEach(() => test.assertClean())

    for (const wire of peer.servers) {
      it(`serves us over ${name(wire)}`, async () => {
        if (wire.transport === 'http') await fireUntilHeard(wire, wire.port)
        const untraced = await withNpmClient(wire, wire.port, callEverything)
        for (const propagation of ['off', 'field', 'auto'] as const) {
          const traced = await withNpmClient(wire, wire.port, callEverything, (connection) =>
            traceThriftClient(test.tracing, connection, { propagation }),
          )
          assert.deepEqual(traced, untraced, propagation)
          const spans = await test.take(CALLS, 20_000)
          assert.deepEqual(spans.map(shape), Array(CALLS).fill('CLIENT root'), propagation)
        }
      })
    }

    it('is not for a client that writes prefixes, and outlives one', async () => {
      for (const wire of peer.servers.filter(({ transport }) => transport !== 'http')) {
        const call = withNpmClient(
          wire,
          wire.port,
          (client) => client.add(2, 3),
          (connection) => traceThriftClient(test.tracing, connection, { propagation: 'prefix' }),
        )
        await assert.rejects(call, name(wire))
        const [span] = await test.take(1, 20_000)
        assert.ok(span!.tags!['error'], name(wire))
        assert.equal(await withNpmClient(wire, wire.port, (client) => client.add(2, 3)), 5)
      }
    })

    for (const wire of [...asClient(peer.servers), ...(language === 'java' ? JAVA_BY_HTTP : [])]) {
      it(`calls us over ${name(wire)}`, async () => {
        const [said, calls] = wire.transport === 'http' ? [SAID_BY_HTTP, CALLS_BY_HTTP] : [SAID, CALLS]
        const plain = await startNpmServer(wire)
        const traced = await startNpmServer(wire, (processor) => traceProcessor(test.tracing, processor))
        try {
          assert.deepEqual(await peer.call(wire, plain.port), said)
          assert.deepEqual(await peer.call(wire, traced.port), said)
        } finally {
          await Promise.all([plain.close(), traced.close()])
        }
        const spans = await test.take(calls, 20_000)
        assert.deepEqual(spans.map(shape), Array(calls).fill('SERVER root'))
      })
    }
  })
}

function name({ processor, transport, protocol }: Wire): string {
  return `${transport}, ${protocol}${processor === 'mux' ? ', multiplexed' : ''}`
}

function shape({ kind, parentId }: ZipkinSpan): string {
  return `${kind} ${parentId === undefined ? 'root' : 'child'}`
}
