import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Kinesis, StartingPosition, SubscribeToShardEventStream } from '@aws-sdk/client-kinesis'
import type { LocalKinesis, LocalKinesisOptions } from '#server/local-kinesis/local-kinesis.js'
import { clientFor, http1ClientFor, refusal, shardId, start, texts } from './kinesis-under-test.js'

const arn = 'arn:aws:kinesis:us-east-1:000000000000:stream/spans'

test('consumers are registered, described, listed and taken off again', async (t) => {
  const { client } = await start(t, { streams: { spans: 1 }, changeMs: 0, limits: { consumers: 3 } })
  for (const name of ['c', 'a', 'b'])
    await client.registerStreamConsumer({ StreamARN: arn, ConsumerName: name })
  await assert.rejects(
    client.registerStreamConsumer({ StreamARN: arn, ConsumerName: 'd' }),
    refusal('LimitExceededException'),
  )
  await assert.rejects(
    client.registerStreamConsumer({ StreamARN: arn, ConsumerName: 'a' }),
    refusal('ResourceInUseException'),
  )

  const first = await client.listStreamConsumers({ StreamARN: arn, MaxResults: 2 })
  const second = await client.listStreamConsumers({ StreamARN: arn, NextToken: first.NextToken })
  const names = [...first.Consumers!, ...second.Consumers!].map(({ ConsumerName }) => ConsumerName)
  assert.deepEqual(names, ['a', 'b', 'c'])
  assert.equal(second.NextToken, undefined)

  const byName = await client.describeStreamConsumer({ StreamARN: arn, ConsumerName: 'a' })
  const { ConsumerARN, ConsumerStatus } = byName.ConsumerDescription!
  assert.match(ConsumerARN!, /stream\/spans\/consumer\/a:\d+$/)
  assert.equal(ConsumerStatus, 'ACTIVE')
  assert.deepEqual(
    (await client.describeStreamConsumer({ ConsumerARN })).ConsumerDescription,
    byName.ConsumerDescription,
  )
  await client.deregisterStreamConsumer({ ConsumerARN })
  await assert.rejects(client.describeStreamConsumer({ ConsumerARN }), refusal('ResourceNotFoundException'))
  await assert.rejects(client.describeStreamConsumer({ StreamARN: arn }), refusal('InvalidArgumentException'))
  const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: 'spans' })
  assert.equal(StreamDescriptionSummary?.ConsumerCount, 2)
})

for (const [protocol, connect] of Object.entries({ http2: clientFor, http1: http1ClientFor })) {
  test(`records are pushed as they come, over ${protocol}`, async (t) => {
    const { client, subscribe, put } = await consumer(t, connect)
    await put('early')
    const events = await subscribe({ Type: 'TRIM_HORIZON' })
    assert.deepEqual(await nextTexts(events), ['early'])
    for (const text of ['a', 'b']) {
      await put(text)
      assert.deepEqual(await nextTexts(events), [text])
    }
    const half = '170141183460469231731687303715884105728'
    await client.splitShard({ StreamARN: arn, ShardToSplit: shardId(0), NewStartingHashKey: half })
    const { value } = (await events.next()) as IteratorYieldResult<SubscribeToShardEventStream>
    assert.deepEqual(
      value.SubscribeToShardEvent?.ChildShards?.map(({ ShardId }) => ShardId),
      [shardId(1), shardId(2)],
    )
    assert.equal((await events.next()).done, true)
  })
}

test('a subscription goes on from the continuation of the one before', async (t) => {
  let now = Date.now()
  const { subscribe, put } = await consumer(t, clientFor, { now: () => now, subscriptionMs: 30 })
  const first = await subscribe({ Type: 'LATEST' })
  const { value } = await first.next()
  const { ContinuationSequenceNumber, MillisBehindLatest, Records } = value!.SubscribeToShardEvent!
  assert.deepEqual(Records, [], 'even with nothing to say it tells its place')
  assert.equal(MillisBehindLatest, 0)
  while (!(await first.next()).done);

  await put('meanwhile')
  now += 5000
  const second = await subscribe({
    Type: 'AFTER_SEQUENCE_NUMBER',
    SequenceNumber: ContinuationSequenceNumber,
  })
  assert.deepEqual(await nextTexts(second), ['meanwhile'])
})

test('a second subscription is refused for five seconds and then takes over', async (t) => {
  let now = Date.now()
  const { subscribe } = await consumer(t, clientFor, { now: () => now })
  const first = await subscribe({ Type: 'LATEST' })
  await first.next()
  now += 4999
  await assert.rejects(subscribe({ Type: 'LATEST' }), refusal('ResourceInUseException'))
  now += 1
  const second = await subscribe({ Type: 'LATEST' })
  await second.next()
  await assert.rejects(readAll(first), refusal('ResourceInUseException'))
})

test('a subscription ends with its consumer', async (t) => {
  const { client, subscribe } = await consumer(t, clientFor)
  const events = await subscribe({ Type: 'LATEST' })
  await events.next()
  await client.deregisterStreamConsumer({ StreamARN: arn, ConsumerName: 'reader' })
  await assert.rejects(readAll(events), refusal('ResourceNotFoundException'))
})

test('a client that goes away leaves nothing behind, and more than fits at once all arrives', async (t) => {
  let now = Date.now()
  const { subscribe, put } = await consumer(t, clientFor, { now: () => now, limits: false })
  const first = await subscribe({ Type: 'LATEST' })
  await first.next()
  await first.return?.()
  const sent = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(200_000))
  for (const text of sent) await put(text)
  now += 5000
  const events = await subscribe({ Type: 'TRIM_HORIZON' })
  const read: string[] = []
  while (read.length < sent.length) read.push(...(await nextTexts(events)))
  assert.deepEqual(read, sent)
})

test('a consumer gets 2 MiB a second of a shard', async (t) => {
  let now = Date.now()
  const { subscribe, put, kinesis } = await consumer(t, clientFor, {
    now: () => now,
    limits: { writeBytesPerSecond: Infinity, readBytesPerSecond: 1000 },
  })
  await put('a'.repeat(999))
  await put('b')
  const events = await subscribe({ Type: 'TRIM_HORIZON' })
  assert.equal((await nextTexts(events)).length, 2)
  await put('c')
  assert.equal(kinesis.records('spans').length, 3)
  const third = nextTexts(events)
  now += 2000
  assert.deepEqual(await third, ['c'])
})

type Events = AsyncIterator<SubscribeToShardEventStream>

async function consumer(
  t: TestContext,
  connect: (endpoint: string) => Kinesis,
  options: LocalKinesisOptions = {},
): Promise<{
  client: Kinesis
  kinesis: LocalKinesis
  put: (text: string) => Promise<unknown>
  subscribe: (position: StartingPosition) => Promise<Events>
}> {
  const { kinesis, client } = await start(t, { streams: { spans: 1 }, changeMs: 0, ...options })
  const subscriber = connect(kinesis.endpoint)
  t.after(() => subscriber.destroy())
  const { Consumer } = await client.registerStreamConsumer({ StreamARN: arn, ConsumerName: 'reader' })
  return {
    client,
    kinesis,
    put: (text) => client.putRecord({ StreamARN: arn, PartitionKey: 'k', Data: Buffer.from(text) }),
    async subscribe(position) {
      const { EventStream } = await subscriber.subscribeToShard({
        ConsumerARN: Consumer!.ConsumerARN,
        ShardId: shardId(0),
        StartingPosition: position,
      })
      return EventStream![Symbol.asyncIterator]()
    },
  }
}

async function nextTexts(events: Events): Promise<string[]> {
  for (;;) {
    const { value, done } = await events.next()
    if (done) throw new Error('the subscription ended')
    const read = texts(value.SubscribeToShardEvent?.Records)
    if (read.length > 0) return read
  }
}

async function readAll(events: Events): Promise<void> {
  while (!(await events.next()).done);
}
