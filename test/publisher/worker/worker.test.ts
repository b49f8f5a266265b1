import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { decodeProto3, proto3Encoder } from '#src/codec/proto3.js'
import { startLocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import type { CallMessage } from '#src/publisher/channels.js'
import { httpSender } from '#src/publisher/senders/http-sender.js'
import type { PublisherOptions } from '#src/publisher/publisher-options.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { publisherTo, serverSpan } from '../senders/kinesis-support.ts'
import { assertBalanced, deferred, plainJson, reportMany, testSender } from '../support.ts'
import { ended, service, spanSink, start } from './worker-support.ts'

function workerTo(url: string, options: PublisherOptions = {}): ServicePublisher {
  return new ServicePublisher(httpSender({ url }), proto3Encoder, { worker: true, ...options })
}

/** The next worker thread of this process. */
async function nextWorker(): Promise<Worker> {
  const [worker] = (await once(process, 'worker')) as [Worker]
  return worker
}

describe('a worker', () => {
  test('sends everything, and flush waits for it', async () => {
    const sink = await spanSink()
    const publisher = workerTo(sink.url, { lingerMs: 60_000 })
    reportMany(publisher, 5000, 1)
    await publisher.flush(30_000)
    assert.equal(new Set(sink.ids()).size, 5000)
    const { sent, recordSpans, workerDeaths } = publisher.stats()
    assert.deepEqual([sent, workerDeaths], [5000, 0])
    assert.equal(recordSpans.sum, 5000)
    await publisher.close()
    publisher.report(serverSpan(1))
    assert.equal(publisher.stats().dropped.shutdown, 1)
    sink.close()
  })

  test('tells its calls', async () => {
    const sink = await spanSink()
    const publisher = workerTo(sink.url)
    const calls: CallMessage[] = []
    const hear = (call: unknown): void => void calls.push(call as CallMessage)
    subscribe('tdist:publisher:call', hear)
    publisher.report(serverSpan(1))
    await publisher.flush(30_000)
    while (publisher.stats().callMs.count === 0) await new Promise((resolve) => setImmediate(resolve))
    unsubscribe('tdist:publisher:call', hear)
    assert.deepEqual(
      calls.map(({ spans, sent }) => [spans, sent]),
      [[1, 1]],
    )
    assert.equal(publisher.stats().breaker, 'closed')
    await publisher.close()
    sink.close()
  })

  test('sends by itself after the linger', async () => {
    const came = deferred<void>()
    const sink = await spanSink((res) => {
      res.writeHead(202).end()
      came.resolve()
    })
    const publisher = workerTo(sink.url, { lingerMs: 1 })
    publisher.report(serverSpan(1))
    // The publisher's own timers do not keep this process alive.
    const alive = setInterval(() => {}, 1000)
    await came.promise
    clearInterval(alive)
    await publisher.close()
    assert.equal(publisher.stats().sent, 1)
    sink.close()
  })

  test('that ends in mid-stream is started again and loses nothing', async () => {
    const sink = await spanSink((res) => setTimeout(() => res.writeHead(202).end(), 2))
    const publisher = workerTo(sink.url, { lingerMs: 5, maxBytes: 64 << 20 })
    let offered = 0
    for (let death = 0; death < 3; death++) {
      const worker = nextWorker()
      const settled = publisher.stats().sent
      reportMany(publisher, 4000, offered + 1)
      offered += 4000
      const doomed = await worker
      // In the midst of its work: something of this round is through, something is not.
      while (publisher.stats().sent === settled) {
        assertBalanced(publisher.stats())
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
      }
      await doomed.terminate()
      assertBalanced(publisher.stats())
    }
    while (publisher.stats().sent < offered) {
      assertBalanced(publisher.stats())
      await publisher.flush(1000)
    }
    const stats = publisher.stats()
    assertBalanced(stats)
    assert.equal(stats.workerDeaths, 3)
    assert.deepEqual([stats.sent, stats.inDoubt], [offered, 0])
    assert.equal(new Set(sink.ids()).size, offered)
    await publisher.close()
    sink.close()
  })

  test('of a collector that stalls: bounded, newest or oldest dropped, all counted', async () => {
    const sink = await spanSink(() => {})
    for (const drop of ['newest', 'oldest'] as const) {
      const publisher = workerTo(sink.url, { drop, maxBytes: 256 << 10 })
      for (let i = 0; i < 20; i++) {
        reportMany(publisher, 1000, i * 1000 + 1)
        const stats = publisher.stats()
        assertBalanced(stats)
        assert.ok(stats.bytes <= 256 << 10, String(stats.bytes))
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.ok(publisher.stats().dropped.full > 0)
      await publisher.close(1)
      const stats = publisher.stats()
      assertBalanced(stats)
      assert.deepEqual([stats.queued, stats.inFlight, stats.sent], [0, 0, 0])
      assert.ok(stats.dropped.shutdown > 0)
    }
    sink.close()
  })

  test('tells what the collector rejects', async () => {
    const sink = await spanSink((res) => res.writeHead(400).end('no such thing'))
    const rest = `await tracing.flush(30_000); console.log(tracing.publisher.stats().dropped.rejected)`
    const end = await ended(start(service(`httpSender({ url: '${sink.url}' })`, 3, rest)))
    assert.equal(end.stdout, '3\n')
    assert.match(end.stderr, /^tdist: 3 spans dropped: rejected.*400.*no such thing\n$/)
    sink.close()
  })

  test('keeps the spans of a trace together', async () => {
    const kinesis = await startLocalKinesis({ streams: { spans: 4 } })
    const publisher = publisherTo(kinesis.endpoint, { worker: true, partition: 'trace' })
    for (let i = 0; i < 3000; i++)
      publisher.report({ ...serverSpan(i + 1), traceId: serverSpan((i % 100) + 1).id })
    await publisher.close(30_000)
    assert.equal(publisher.stats().sent, 3000)
    const keys = new Map<string, Set<string>>()
    for (const { partitionKey, data } of kinesis.records('spans')) {
      for (const { traceId } of decodeProto3(data)) {
        keys.set(traceId, (keys.get(traceId) ?? new Set()).add(partitionKey))
      }
    }
    assert.equal(keys.size, 100)
    for (const [traceId, of] of keys) assert.equal(of.size, 1, traceId)
    await kinesis.close()
  })

  test('is left out where the sender cannot be made again, in one line', async () => {
    const sender = `{ encoding: 'json', maxRecordBytes: 5e4, maxRecords: 1, maxCallBytes: 5e4,
      send: async ([{ spans }]) => console.log(spans) }`
    const end = await ended(start(service(sender, 3)))
    assert.deepEqual([end.code, end.stdout], [0, '3\n'])
    assert.match(end.stderr, /^tdist: publisher\.worker is left out: .*made again.*\n$/)
  })

  test('is a matter of true or false', () => {
    const options = { worker: 'yes' as unknown as boolean }
    assert.throws(
      () => new ServicePublisher(testSender(), plainJson, options),
      /publisher\.worker must be true or/,
    )
  })

  test('holds a burst that nobody takes within its bound', async () => {
    const sink = await spanSink((res, count) => {
      if (count === 1) res.writeHead(202).end()
    })
    const rest = `
      await tracing.flush(30_000)
      const before = process.memoryUsage.rss()
      work(300_000)
      const grown = process.memoryUsage.rss() - before
      const { offered, dropped, bytes } = tracing.publisher.stats()
      console.log(JSON.stringify({ grown, offered, full: dropped.full, bytes }))
      process.kill(process.pid, 'SIGKILL')`
    const end = await ended(start(service(`httpSender({ url: '${sink.url}' })`, 1, rest)))
    const { grown, offered, full, bytes } = JSON.parse(end.stdout) as Record<string, number>
    assert.equal(offered, 300_001)
    assert.ok(full! > 0)
    assert.ok(bytes! <= 16 << 20, `${bytes}`)
    assert.ok(grown! <= 2 * (16 << 20), `${grown}`)
    sink.close()
  })
})
