import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PublisherOptions } from '#src/publisher/publisher-options.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { SendError, type SpanRecord } from '#src/publisher/senders/sender.js'
import { assertBalanced, idsOf, never, plainJson, reportMany, testSender } from '../support.ts'

describe('a sender that fails', () => {
  const faults: Record<string, (records: readonly SpanRecord[]) => unknown> = {
    'rejects with an error': () => Promise.reject(new Error('no')),
    'rejects with nothing': () => Promise.reject(),
    'rejects with what cannot be read': () =>
      Promise.reject(
        new Proxy(new Error('no'), {
          get: () => {
            throw new Error('hostile')
          },
        }),
      ),
    'rejects with a SendError': () => Promise.reject(new SendError('away', 'failed')),
    'fails every record': (records) => records.map(() => 'failed'),
    'throttles every record': (records) => records.map(() => 'throttled'),
  }
  for (const [name, fault] of Object.entries(faults)) {
    test(`once, and then takes it: ${name}`, async () => {
      const sender = testSender((records, call) => (call === 1 ? fault(records) : undefined))
      const publisher = new ServicePublisher(sender, plainJson)
      reportMany(publisher, 2)
      await publisher.close(60_000)
      const stats = publisher.stats()
      assert.deepEqual([stats.sent, stats.retriedRecords, stats.failedCalls], [2, 1, 1])
      assertBalanced(stats)
    })
  }

  test('by throwing at once', async () => {
    let calls = 0
    const send = (): Promise<void> => {
      if (++calls === 1) throw new Error('no')
      return Promise.resolve()
    }
    const publisher = new ServicePublisher({ ...testSender(), send }, plainJson)
    reportMany(publisher, 2)
    await publisher.close(60_000)
    assert.equal(publisher.stats().sent, 2)
  })

  const doubts: Record<string, () => unknown> = {
    'an empty list': () => [],
    'a list too long': () => ['sent', 'sent'],
    'no list': () => 42,
    null: () => null,
    'an unknown word': () => ['stored'],
    'a hole': () => [undefined],
    'an error in doubt': () => Promise.reject(new SendError('timed out', 'in doubt')),
    'a list that cannot be read': () =>
      new Proxy(['sent'], {
        get: (_, key) => {
          if (key === 'then') return undefined
          if (key === 'length') return 1
          throw new Error('hostile')
        },
      }),
  }
  for (const [name, answer] of Object.entries(doubts)) {
    test(`by an answer that leaves its spans in doubt: ${name}`, async () => {
      const publisher = new ServicePublisher(
        { ...testSender(), send: async () => answer() as undefined },
        plainJson,
      )
      reportMany(publisher, 2)
      await publisher.close(60_000)
      const stats = publisher.stats()
      assert.deepEqual([stats.inDoubt, stats.calls], [2, 1])
      assertBalanced(stats)
    })
  }

  test('by never answering: in doubt after the timeout, and the next call goes out', async () => {
    const sender = testSender((_, call) => (call === 1 ? never() : undefined))
    const publisher = new ServicePublisher(sender, plainJson, { callTimeoutMs: 20, concurrency: 1 })
    reportMany(publisher, 2)
    await publisher.flush(60_000)
    assert.equal(publisher.stats().inDoubt, 2)
    reportMany(publisher, 3, 2)
    await publisher.close(60_000)
    assert.equal(publisher.stats().sent, 3)
    assertBalanced(publisher.stats())
  })

  test('by hanging once and failing once: the call that hangs does not hold up the others', async () => {
    const sender = testSender(
      (_, call) => {
        if (call === 1) return never()
        if (call === 2) throw new SendError('away', 'failed')
        return undefined
      },
      { maxRecords: 1 },
    )
    const publisher = new ServicePublisher(sender, plainJson, { callTimeoutMs: 1_000_000 })
    reportMany(publisher, 1)
    void publisher.flush(0)
    reportMany(publisher, 1, 1)
    await publisher.flush(0)
    while (publisher.stats().sent === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    assert.deepEqual([publisher.stats().sent, publisher.stats().inFlight], [1, 1])
    await publisher.close(0)
    assertBalanced(publisher.stats())
  })

  test('while it fails, one call is out at a time, and when it is well again two', async () => {
    const inFlight = new Set<number>()
    const most = { failing: 0, well: 0 }
    const sender = testSender(
      async (_, call) => {
        inFlight.add(call)
        const phase = call > 4 && call <= 8 ? 'failing' : 'well'
        // The one that went out beside the first to fail may still be out when the next one goes.
        const out = phase === 'failing' ? [...inFlight].filter((other) => other > 4) : [...inFlight]
        most[phase] = Math.max(most[phase], out.length)
        await new Promise(setImmediate)
        inFlight.delete(call)
        if (call > 2 && call <= 8) throw new SendError('away', 'failed')
      },
      { maxRecords: 1, maxRecordBytes: 1024 },
    )
    const publisher = new ServicePublisher(sender, plainJson)
    reportMany(publisher, 500)
    await publisher.close(60_000)
    assert.equal(publisher.stats().sent, 500)
    assert.deepEqual(most, { failing: 1, well: 2 })
  })

  test('by never answering, where records go at least once: sent again, and said to be doubtful', async () => {
    const sender = testSender((_, call) => (call === 1 ? never() : undefined), { atLeastOnce: true })
    const publisher = new ServicePublisher(sender, plainJson, { callTimeoutMs: 20 })
    reportMany(publisher, 2)
    await publisher.close(60_000)
    const { sent, inDoubt, possibleDuplicates } = publisher.stats()
    assert.deepEqual({ sent, inDoubt, possibleDuplicates }, { sent: 2, inDoubt: 0, possibleDuplicates: 2 })
  })

  test('by never answering at all: what may be stored is in doubt, however it ends', async () => {
    const ends: [string, PublisherOptions, number][] = [
      ['expired', { maxAgeMs: 100 }, 60_000],
      ['closed while it waits', {}, 100],
      ['evicted', { maxSpans: 8, drop: 'oldest' }, 100],
    ]
    for (const [name, options, deadlineMs] of ends) {
      const sender = testSender(never, { atLeastOnce: true })
      const publisher = new ServicePublisher(sender, plainJson, { callTimeoutMs: 10, ...options })
      reportMany(publisher, 2)
      await publisher.flush(50)
      if (options.drop) reportMany(publisher, 100, 2)
      await publisher.close(deadlineMs)
      const stats = publisher.stats()
      assertBalanced(stats)
      assert.ok(stats.inDoubt >= 2, `${name}: ${JSON.stringify(stats)}`)
      assert.equal(stats.sent, 0)
    }
  })

  test('for good: expired, and said to be', async () => {
    const publisher = new ServicePublisher(
      testSender(() => Promise.reject(new Error('away'))),
      plainJson,
      { maxAgeMs: 50 },
    )
    reportMany(publisher, 2)
    await publisher.close(60_000)
    const stats = publisher.stats()
    assert.equal(stats.dropped.expired, 2)
    assertBalanced(stats)
  })

  test('by rejecting: counted, and not sent again', async () => {
    const sender = testSender((_, call) => {
      if (call === 1) throw new SendError('answered 400', 'rejected')
    })
    const publisher = new ServicePublisher(sender, plainJson)
    reportMany(publisher, 2)
    await publisher.flush()
    reportMany(publisher, 1, 2)
    await publisher.close()
    assert.deepEqual(
      [publisher.stats().dropped.rejected, publisher.stats().sent, sender.calls.length],
      [2, 1, 2],
    )
  })

  test('in part: only what failed is sent again, and nothing is lost or doubled', async () => {
    const sender = testSender(
      (records, call) =>
        call > 3 ? undefined : records.map((_, i) => (['sent', 'failed', 'throttled'] as const)[i % 3]),
      { maxRecordBytes: 2048 },
    )
    const publisher = new ServicePublisher(sender, plainJson)
    reportMany(publisher, 500)
    await publisher.close(60_000)
    const ids = idsOf(sender.stored)
    assert.equal(ids.length, 500)
    assert.equal(new Set(ids).size, 500)
    assert.ok(publisher.stats().throttledRecords > 0)
    assertBalanced(publisher.stats())
  })

  test('in every way by chance: the accounts are exact at every instant', async () => {
    const stored: SpanRecord[] = []
    const ways = [
      (records: readonly SpanRecord[]) => void stored.push(...records),
      (records: readonly SpanRecord[]) => {
        stored.push(...records.slice(1))
        return records.map((_, i) => (i === 0 ? 'failed' : 'sent'))
      },
      () => Promise.reject(new Error('reset')),
      (records: readonly SpanRecord[]) => records.map(() => 'throttled'),
      never,
      () => 'nonsense',
      () => {
        throw new SendError('answered 400', 'rejected')
      },
    ]
    const sender = testSender((records) => ways[Math.floor(Math.random() * ways.length)]!(records), {
      maxRecordBytes: 2048,
      maxRecords: 4,
    })
    const publisher = new ServicePublisher(sender, plainJson, {
      callTimeoutMs: 5,
      maxAgeMs: 300,
      maxSpans: 2000,
      lingerMs: 1,
      drop: 'oldest',
    })
    for (let round = 0; round < 100; round++) {
      reportMany(publisher, Math.floor(Math.random() * 100), round * 100)
      assertBalanced(publisher.stats())
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5))
      assertBalanced(publisher.stats())
    }
    await publisher.close(1000)
    const stats = publisher.stats()
    assertBalanced(stats)
    assert.deepEqual([stats.queued, stats.inFlight], [0, 0])
    assert.equal(idsOf(stored).length, stats.sent)
  })
})
