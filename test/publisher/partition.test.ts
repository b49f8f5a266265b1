import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeProto3 } from '#src/codec/proto3.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { start } from '../../server/test/local-kinesis/kinesis-under-test.ts'
import { publisherTo, serverSpan } from './senders/kinesis-support.ts'
import { assertBalanced, newSpan, plainJson, reportMany, testSender } from './support.ts'

/** The shards that hold spans of each trace, told by the lower half of its ID. */
async function shardsOfTraces(partition: 'random' | 'trace', t: Parameters<typeof start>[0]) {
  let records = 0
  const { kinesis } = await start(t, {
    streams: { spans: 4 },
    limits: false,
    fault: ({ at }) => (at === 'record' && records++ % 3 === 0 ? { error: 'InternalFailure' } : undefined),
  })
  // One service knows 128 bits of the trace IDs, the other 64.
  for (const prefix of ['0123456789abcdef', '']) {
    const publisher = publisherTo(kinesis.endpoint, { partition })
    for (let i = 0; i < 10_000; i++) {
      const { id } = serverSpan(1 + (i % 200))
      publisher.report({ ...serverSpan(1 + i), traceId: prefix + id })
    }
    await publisher.close(60_000)
    assert.equal(publisher.stats().sent, 10_000)
  }
  const shards = new Map<string, Set<string>>()
  const all = new Set<string>()
  for (const { shardId, data, partitionKey } of kinesis.records('spans')) {
    assert.ok(data.length + partitionKey.length <= (partition === 'trace' ? 25_600 : 51_200))
    all.add(shardId)
    for (const { traceId } of decodeProto3(data)) {
      const key = traceId.slice(-16)
      shards.set(key, (shards.get(key) ?? new Set()).add(shardId))
    }
  }
  assert.equal(shards.size, 200)
  assert.equal(all.size, 4)
  return shards
}

describe('partition', () => {
  test('by trace: all spans of a trace come to one shard, whoever sent them and however often', async (t) => {
    for (const shards of (await shardsOfTraces('trace', t)).values()) assert.equal(shards.size, 1)
  })

  test('at random: they are spread', async (t) => {
    const spread = [...(await shardsOfTraces('random', t)).values()].filter(({ size }) => size > 1)
    assert.ok(spread.length > 100, `${spread.length} traces`)
  })

  test('by trace: the bounds hold and the accounts are exact', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson, {
      partition: 'trace',
      maxBytes: 1 << 20,
      lingerMs: 1,
    })
    for (let round = 0; round < 50; round++) {
      reportMany(publisher, 200, round * 200)
      const stats = publisher.stats()
      assertBalanced(stats)
      assert.ok(stats.bytes <= 1 << 20, `${stats.bytes} bytes`)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    publisher.report({ ...newSpan(1), traceId: undefined as unknown as string })
    await publisher.close()
    const stats = publisher.stats()
    assertBalanced(stats)
    assert.deepEqual([stats.sent, stats.dropped.encode], [10_000, 1])
    assert.ok(sender.stored.every(({ key }) => /^trace-\d+$/.test(key!)))
  })

  test('by trace: what is too large is cut or counted, and closes no other list', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson, { partition: 'trace' })
    reportMany(publisher, 100)
    publisher.report(newSpan(100, { tags: { long: 'x'.repeat(60_000) } }))
    publisher.report(newSpan(101, { name: 'x'.repeat(60_000) }))
    await publisher.close()
    assert.deepEqual([publisher.stats().sent, publisher.stats().dropped.oversize], [101, 1])
    assert.ok(sender.stored.length <= 64)
  })
})
