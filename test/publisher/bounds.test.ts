import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { assertBalanced, idsOf, never, newSpan, plainJson, reportMany, testSender } from './support.ts'

describe('bounds', () => {
  test('by spans: the newest are dropped', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson, { maxSpans: 10 })
    reportMany(publisher, 15)
    assert.deepEqual([publisher.stats().queued, publisher.stats().dropped.full], [10, 5])
    await publisher.close()
    assert.deepEqual(
      idsOf(sender.stored),
      Array.from({ length: 10 }, (_, i) => newSpan(i).id),
    )
  })

  test('by spans: the oldest are dropped', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson, { maxSpans: 100, drop: 'oldest' })
    reportMany(publisher, 150)
    assertBalanced(publisher.stats())
    await publisher.close()
    const ids = idsOf(sender.stored)
    assert.equal(ids.at(-1), newSpan(149).id)
    assert.ok(ids.length > 80 && ids.length <= 100, `${ids.length} spans`)
    assertBalanced(publisher.stats())
  })

  for (const drop of ['newest', 'oldest'] as const) {
    test(`by bytes, with the sender stalled and 300,000 spans offered: ${drop}`, async () => {
      const publisher = new ServicePublisher(testSender(never), plainJson, { maxBytes: 4 << 20, drop })
      const before = process.memoryUsage().rss
      for (let i = 0; i < 300_000; i++) {
        publisher.report(newSpan(i))
        if (i % 3000 === 0) {
          const stats = publisher.stats()
          assertBalanced(stats)
          assert.ok(stats.bytes <= 4 << 20, `${stats.bytes} bytes`)
          if (i % 30_000 === 0) await new Promise(setImmediate)
        }
      }
      const grown = process.memoryUsage().rss - before
      assert.ok(grown < 128 << 20, `${grown} bytes more`)
      await publisher.close(1)
      const stats = publisher.stats()
      assertBalanced(stats)
      assert.deepEqual([stats.offered, stats.queued, stats.inFlight], [300_000, 0, 0])
    })
  }

  test('records that are sealed nearly empty take little', async () => {
    const publisher = new ServicePublisher(
      testSender(() => Promise.reject(new Error('away'))),
      plainJson,
    )
    for (let i = 0; i < 1000; i++) {
      publisher.report(newSpan(i))
      void publisher.flush(0)
    }
    const { queued, inFlight, bytes } = publisher.stats()
    assert.equal(queued + inFlight, 1000)
    assert.ok(bytes < 2 << 20, `${bytes} bytes`)
    await publisher.close(0)
    assertBalanced(publisher.stats())
  })
})
