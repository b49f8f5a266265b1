import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { Fault, FaultPoint } from '#server/local-kinesis/fault.js'
import { start, untilActive } from '../../../server/test/local-kinesis/kinesis-under-test.ts'
import { closeAndFindAll, offer, publisherTo, readBack, SUSTAINABLE } from './kinesis-support.ts'
import { assertBalanced } from '../support.ts'

/** 10 % of calls fail, 5 % are reset, 2 % hang, and so are half of them only after they are stored. */
function mixedFaults({ at, operation }: FaultPoint): Fault | undefined {
  if (operation !== 'PutRecords') return undefined
  if (at === 'record') return Math.random() < 0.1 ? { error: 'InternalFailure' } : undefined
  const dice = Math.random()
  if (at === 'request' && dice < 0.1) return { error: 'InternalFailure' }
  if (dice < 0.125) return dice < 0.1 ? undefined : { reset: true }
  return dice < 0.135 ? { hang: true } : undefined
}

describe('a stream in trouble', { concurrency: 3 }, () => {
  test('mixed faults lose none of 200,000 spans', async (t) => {
    const { kinesis } = await start(t, { streams: { spans: 4 }, limits: false, fault: mixedFaults })
    const publisher = publisherTo(kinesis.endpoint)
    await offer(publisher, 200_000, 20_000, SUSTAINABLE)
    await closeAndFindAll(publisher, kinesis, 200_000)
    assert.ok(publisher.stats().retriedRecords > 50)
  })

  test('a reshard under load loses nothing', async (t) => {
    const { kinesis, client } = await start(t, { streams: { spans: 1 }, limits: false })
    const publisher = publisherTo(kinesis.endpoint)
    const offered = offer(publisher, 60_000, 20_000, SUSTAINABLE)
    for (const TargetShardCount of [2, 3, 2, 4]) {
      await client.updateShardCount({
        StreamName: 'spans',
        TargetShardCount,
        ScalingType: 'UNIFORM_SCALING',
      })
      await untilActive(client, 'spans')
    }
    await offered
    await closeAndFindAll(publisher, kinesis, 60_000)
    assert.ok(kinesis.inspect().streams['spans']!.shards.length > 4)
  })

  test('nothing wrong: two connections, and full calls', async (t) => {
    const { kinesis } = await start(t, { streams: { spans: 4 }, limits: false })
    const publisher = publisherTo(kinesis.endpoint)
    await offer(publisher, 100_000, 40_000, SUSTAINABLE)
    await closeAndFindAll(publisher, kinesis, 100_000)
    const { connections, calls } = kinesis.inspect()
    assert.ok(connections.http1 <= 8, `${connections.http1} connections`)
    assert.ok(calls['PutRecords']! < 300, `${calls['PutRecords']} calls`)
  })

  test('a throttled shard is not asked in vain', async (t) => {
    const { kinesis } = await start(t, { streams: { spans: 1 } })
    const publisher = publisherTo(kinesis.endpoint)
    await offer(publisher, 90_000, 22_000)
    const { streams, throttledRecords } = kinesis.inspect()
    const { stored } = streams['spans']!.shards[0]!
    // How much of the shard is used is the pacer's own tests, whose clock nobody else disturbs.
    assert.ok(stored + throttledRecords <= 1.5 * stored, `${throttledRecords} refused, ${stored} stored`)
    assert.equal(publisher.stats().failedCalls < 20, true)
    await publisher.close(1)
    assertBalanced(publisher.stats())
  })

  for (const error of ['ResourceNotFoundException', 'AccessDeniedException', 'ExpiredTokenException']) {
    test(`${error}: few calls, and nothing is lost when it is over`, async (t) => {
      let isOver = false
      const fault = (): Fault | undefined => (isOver ? undefined : { error, message: 'because' })
      const { kinesis } = await start(t, { streams: { spans: 1 }, limits: false, fault })
      const publisher = publisherTo(kinesis.endpoint)
      await offer(publisher, 20_000, 20_000)
      const calls = kinesis.inspect().calls['PutRecords']!
      assert.ok(calls > 0 && calls < 40, `${calls} calls`)
      isOver = true
      await closeAndFindAll(publisher, kinesis, 20_000)
    })
  }

  test('a connection that went silent is replaced, and what it swallowed is sent again', async (t) => {
    const { kinesis } = await start(t, { streams: { spans: 1 }, limits: false })
    const swallowed = new Set<Socket>()
    const opened: Socket[] = []
    const proxy = createServer((client) => {
      const server = connect(kinesis.port, '127.0.0.1')
      opened.push(client, server)
      for (const socket of [client, server]) socket.on('error', () => {})
      client.on('data', (bytes) => swallowed.has(client) || server.write(bytes))
      server.on('data', (bytes) => swallowed.has(client) || client.write(bytes))
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    t.after(() => {
      for (const socket of opened) socket.destroy()
      proxy.close()
    })
    const { port } = proxy.address() as { port: number }
    const publisher = publisherTo(`http://127.0.0.1:${port}`)
    await offer(publisher, 1000, 1_000_000)
    await publisher.flush(60_000)
    assert.equal(publisher.stats().sent, 1000)

    const clients = opened.filter((_, i) => i % 2 === 0)
    for (const client of clients) swallowed.add(client)
    await offer(publisher, 1000, 1_000_000)
    await publisher.flush(60_000)
    const stats = publisher.stats()
    assert.equal(stats.sent, 2000, JSON.stringify(stats))
    assert.ok(opened.length / 2 <= 2 * clients.length + 1, `${opened.length / 2} connections`)
    assert.ok(stats.possibleDuplicates > 0)
    await publisher.close()
    assert.equal(readBack(kinesis).distinct, 1000)
  })
})
