import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { decodeJson, jsonEncoder } from '#src/codec/json.js'
import { decodeProto3, proto3Encoder } from '#src/codec/proto3.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { SendError, type SpanRecord } from '#src/publisher/senders/sender.js'
import {
  assertBalanced,
  deferred,
  droppedOf,
  idsOf,
  never,
  newSpan,
  plainJson,
  reportMany,
  testSender,
} from './support.ts'

describe('what is reported is sent', () => {
  test('every span once, in its order, in lists of at most 51,200 bytes', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson)
    reportMany(publisher, 10_000)
    await publisher.close()
    assert.deepEqual(
      idsOf(sender.stored),
      Array.from({ length: 10_000 }, (_, i) => newSpan(i).id),
    )
    for (const record of sender.stored) {
      assert.ok(record.bytes.byteLength <= 51_200)
      assert.equal(record.spans, idsOf([record]).length)
    }
    assert.ok(sender.stored.length < 40, `${sender.stored.length} records`)
    assert.equal(publisher.stats().sent, 10_000)
    assertBalanced(publisher.stats())
  })

  for (const [encoder, decode] of [
    [proto3Encoder, decodeProto3],
    [jsonEncoder, decodeJson],
  ] as const) {
    test(`as ${encoder.encoding}, and reads as it was`, async () => {
      const sender = testSender(undefined, { encoding: encoder.encoding })
      const publisher = new ServicePublisher(sender, encoder)
      const spans = Array.from({ length: 3000 }, (_, i) =>
        newSpan(i + 1, { tags: { n: 'é'.repeat(i % 50) } }),
      )
      for (const span of spans) publisher.report(span)
      await publisher.close()
      assert.deepEqual(
        sender.stored
          .flatMap(({ bytes }) => decode(bytes))
          .map((span) => ({ ...span, tags: { ...span.tags } })),
        spans,
      )
      assert.ok(sender.stored.length > 1)
    })
  }

  test('after the linger, with no flush', async () => {
    const called = deferred<readonly SpanRecord[]>()
    const publisher = new ServicePublisher(
      testSender((records) => called.resolve(records)),
      plainJson,
      { lingerMs: 20 },
    )
    reportMany(publisher, 3)
    const alive = setTimeout(() => {}, 60_000)
    assert.equal(idsOf(await called.promise).length, 3)
    clearTimeout(alive)
    await publisher.close()
  })

  test('a full record does not wait for the linger', async () => {
    const called = deferred<void>()
    const publisher = new ServicePublisher(
      testSender(() => called.resolve()),
      plainJson,
      { lingerMs: 1_000_000 },
    )
    reportMany(publisher, 1000)
    const alive = setTimeout(() => {}, 60_000)
    await called.promise
    clearTimeout(alive)
    assert.ok(publisher.stats().queued > 0)
    await publisher.close()
    assert.equal(publisher.stats().sent, 1000)
  })

  test("within the sender's limits of a call, and two calls at once", async () => {
    let most = 0
    let now = 0
    const sender = testSender(
      async () => {
        most = Math.max(most, ++now)
        await new Promise(setImmediate)
        now--
      },
      { maxRecords: 3, maxRecordBytes: 4096, maxCallBytes: 9000 },
    )
    const publisher = new ServicePublisher(sender, plainJson)
    reportMany(publisher, 1000)
    await publisher.close()
    assert.equal(publisher.stats().sent, 1000)
    assert.equal(most, 2)
    for (const records of sender.calls) {
      assert.ok(records.length <= 3)
      assert.ok(records.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) <= 9000)
    }
  })
})

describe('flush', () => {
  test('waits for the call in flight', async () => {
    const answered = deferred<void>()
    const publisher = new ServicePublisher(
      testSender(() => answered.promise),
      plainJson,
      { concurrency: 1 },
    )
    reportMany(publisher, 1)
    const first = publisher.flush(60_000)
    assert.equal(publisher.stats().inFlight, 1)
    const second = publisher.flush(60_000)
    let isFlushed = false
    void second.then(() => (isFlushed = true))
    await new Promise(setImmediate)
    assert.equal(isFlushed, false)
    answered.resolve()
    await Promise.all([first, second])
    assert.equal(publisher.stats().sent, 1)
    await publisher.close()
  })

  test('does not wait for what is reported after it', async () => {
    const sender = testSender((_, call) => (call === 1 ? undefined : never()))
    const publisher = new ServicePublisher(sender, plainJson, { lingerMs: 0 })
    reportMany(publisher, 1)
    const flushed = publisher.flush(60_000)
    reportMany(publisher, 1, 1)
    await flushed
    assert.equal(publisher.stats().sent, 1)
    await publisher.close(0)
  })

  test('resolves at its deadline, with nothing, and with nonsense', async () => {
    const publisher = new ServicePublisher(testSender(never), plainJson)
    await publisher.flush()
    reportMany(publisher, 1)
    await publisher.flush(10)
    await publisher.flush(0)
    assert.equal(publisher.stats().inFlight, 1)
    await publisher.close(0)
    await publisher.flush(Number.NaN)
    assert.equal(publisher.stats().inDoubt, 1)
  })

  test('does not wait for the breaker', async () => {
    let isUp = false
    const sender = testSender(() => {
      if (!isUp) throw new SendError('away', 'failed')
    })
    const publisher = new ServicePublisher(sender, plainJson, { lingerMs: 1_000_000 })
    reportMany(publisher, 1)
    await publisher.flush(1)
    isUp = true
    await publisher.flush(60_000)
    assert.equal(publisher.stats().sent, 1)
    await publisher.close()
  })
})

describe('close', () => {
  test('counts what waits as shutdown and what is in a call as in doubt', async () => {
    const publisher = new ServicePublisher(testSender(never), plainJson, { concurrency: 1 })
    reportMany(publisher, 1)
    void publisher.flush(0)
    reportMany(publisher, 5, 1)
    await publisher.close(10)
    const stats = publisher.stats()
    assert.deepEqual([stats.inDoubt, stats.dropped.shutdown, stats.queued, stats.inFlight], [1, 5, 0, 0])
    assertBalanced(stats)
  })

  test('counts what is reported after it, and may be called twice', async () => {
    const publisher = new ServicePublisher(testSender(), plainJson)
    await Promise.all([publisher.close(), publisher.close()])
    reportMany(publisher, 3)
    assert.equal(publisher.stats().dropped.shutdown, 3)
    assertBalanced(publisher.stats())
  })

  test('survives a sender that does not close', async () => {
    const closes = [
      () => {
        throw new Error('no')
      },
      () => Promise.reject(new Error('no')),
      never,
    ]
    for (const close of closes) {
      await new ServicePublisher({ ...testSender(), close }, plainJson).close(10)
    }
  })

  test('ignores what a call answers after it', async () => {
    const answered = deferred<void>()
    const publisher = new ServicePublisher(
      testSender(() => answered.promise),
      plainJson,
    )
    reportMany(publisher, 1)
    await publisher.close(1)
    answered.resolve()
    await new Promise(setImmediate)
    assert.equal(publisher.stats().inDoubt, 1)
    assert.equal(publisher.stats().sent, 0)
  })
})

test('sends and their timers run outside the request that reported', async () => {
  const requests = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const see = (): void => void seen.push(requests.getStore())
  const sender = testSender(async (records, call) => {
    see()
    await new Promise((resolve) => setTimeout(resolve, 1))
    see()
    if (call % 2 === 1) return records.map(() => 'failed')
    return undefined
  })
  const outside = <T>(fn: () => T): T => requests.exit(fn)
  const publisher = new ServicePublisher({ ...sender, close: see }, plainJson, { outside, lingerMs: 1 })
  await requests.run('request', async () => {
    reportMany(publisher, 2000)
    await new Promise((resolve) => setTimeout(resolve, 10))
    reportMany(publisher, 1)
    await publisher.close(60_000)
  })
  assert.equal(publisher.stats().sent, 2001)
  assert.ok(seen.length >= 5)
  assert.deepEqual(new Set(seen), new Set([undefined]))
})

test('an `outside` that throws breaks nothing', async () => {
  const outside = (): never => {
    throw new Error('no')
  }
  const publisher = new ServicePublisher(testSender(), plainJson, { outside })
  reportMany(publisher, 2000)
  await publisher.close(1)
  assert.equal(droppedOf(publisher.stats()), 2000)
  assertBalanced(publisher.stats())
})

test('wrong options are said in one line', () => {
  const wrong: [object, RegExp][] = [
    [{ maxSpans: 0 }, /publisher\.maxSpans must be a number of at least 1, not 0/],
    [{ maxBytes: 'much' }, /publisher\.maxBytes .* not much/],
    [{ maxBytes: 1000 }, /publisher\.maxBytes .* at least 16384/],
    [{ lingerMs: -1 }, /publisher\.lingerMs/],
    [{ drop: 'all' }, /publisher\.drop must be 'newest' or 'oldest', not all/],
    [{ partition: 'host' }, /publisher\.partition must be 'random' or 'trace', not host/],
    [{ partition: 'trace', maxBytes: 1 << 19 }, /publisher\.maxBytes .* at least 1048576/],
    [{ concurrency: Number.NaN }, /publisher\.concurrency/],
    [{ outside: 1 }, /publisher\.outside/],
  ]
  for (const [options, message] of wrong) {
    assert.throws(() => new ServicePublisher(testSender(), plainJson, options), message)
  }
  assert.throws(
    () => new ServicePublisher(testSender(undefined, { encoding: 'proto3' }), plainJson),
    /the sender takes proto3, but the encoder writes json/,
  )
  assert.throws(
    () => new ServicePublisher(testSender(undefined, { maxRecords: 0 }), plainJson),
    /sender\.maxRecords/,
  )
})
