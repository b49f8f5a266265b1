import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { PutRecordCommandOutput } from '@aws-sdk/client-kinesis'
import { fromStart, refusal, shardId, start, texts } from './kinesis-under-test.js'

test('a record goes to the shard that has the MD5 of its partition key', async (t) => {
  const { kinesis, client } = await start(t, { streams: { spans: 4 } })
  const { StreamDescription } = await client.describeStream({ StreamName: 'spans' })
  const keys = Array.from({ length: 100 }, (_, i) => `ключ-${i}`)
  const { Records, FailedRecordCount } = await client.putRecords({
    StreamName: 'spans',
    Records: keys.map((key) => ({ PartitionKey: key, Data: Buffer.from(key) })),
  })
  assert.equal(FailedRecordCount, 0)
  for (const [i, key] of keys.entries()) {
    const point = BigInt(`0x${createHash('md5').update(key).digest('hex')}`)
    const home = StreamDescription!.Shards!.find(
      ({ HashKeyRange: range }) =>
        BigInt(range!.StartingHashKey!) <= point && point <= BigInt(range!.EndingHashKey!),
    )
    assert.equal(Records?.[i]?.ShardId, home?.ShardId)
  }
  const stored = kinesis.records('spans')
  assert.deepEqual(stored.map(({ partitionKey }) => partitionKey).sort(), keys.toSorted())
  assert.deepEqual(stored.map(({ data }) => data.toString()).sort(), keys.toSorted())
})

test('ExplicitHashKey overrides the partition key', async (t) => {
  const { client } = await start(t, { streams: { spans: 2 } })
  const put = (key: string): Promise<PutRecordCommandOutput> =>
    client.putRecord({
      StreamName: 'spans',
      PartitionKey: 'same',
      ExplicitHashKey: key,
      Data: new Uint8Array(1),
    })
  assert.equal((await put('0')).ShardId, shardId(0))
  assert.equal((await put('170141183460469231731687303715884105727')).ShardId, shardId(0))
  assert.equal((await put('170141183460469231731687303715884105728')).ShardId, shardId(1))
  assert.equal((await put('340282366920938463463374607431768211455')).ShardId, shardId(1))
  await assert.rejects(
    put('340282366920938463463374607431768211456'),
    refusal('InvalidArgumentException', /must be in the range: \[0, 2\^128-1\]/),
  )
  await assert.rejects(put('007'), refusal('ValidationException'))
})

test('sequence numbers rise, as numbers and as text', async (t) => {
  const { client } = await start(t, { streams: { spans: 1 } })
  const { Shards } = await client.listShards({ StreamName: 'spans' })
  const numbers = [Shards![0]!.SequenceNumberRange!.StartingSequenceNumber!]
  for (let i = 0; i < 12; i++) {
    const put = { StreamName: 'spans', PartitionKey: `${i}`, Data: new Uint8Array(1) }
    numbers.push((await client.putRecord(put)).SequenceNumber!)
  }
  for (const [i, number] of numbers.entries()) {
    assert.match(number, /^49\d{54}$/)
    assert.ok(i === 0 || number > numbers[i - 1]!)
  }
})

test('the five kinds of iterator begin where they say', async (t) => {
  let now = 1_700_000_000_000
  const { client } = await start(t, { streams: { spans: 1 }, now: () => now, limits: false })
  const sequence: string[] = []
  for (const text of ['a', 'b', 'c', 'd']) {
    const put = { StreamName: 'spans', PartitionKey: 'k', Data: Buffer.from(text) }
    sequence.push((await client.putRecord(put)).SequenceNumber!)
    now += 1000
  }
  const cases: [object, string[]][] = [
    [{ ShardIteratorType: 'TRIM_HORIZON' }, ['a', 'b', 'c', 'd']],
    [{ ShardIteratorType: 'LATEST' }, []],
    [{ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: sequence[1] }, ['b', 'c', 'd']],
    [{ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: sequence[1] }, ['c', 'd']],
    [{ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: sequence[3] }, []],
    [{ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(1_700_000_002_000) }, ['c', 'd']],
    [{ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(1_700_000_001_001) }, ['c', 'd']],
    [{ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(1_600_000_000_000) }, ['a', 'b', 'c', 'd']],
    [{ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(now) }, []],
  ]
  for (const [position, expected] of cases) {
    const input = { StreamName: 'spans', ShardId: shardId(0), ShardIteratorType: undefined, ...position }
    const { ShardIterator } = await client.getShardIterator(input)
    assert.deepEqual(texts((await client.getRecords({ ShardIterator })).Records), expected)
  }

  const wrong: [object, string][] = [
    [{ ShardIteratorType: 'AT_TIMESTAMP' }, 'InvalidArgumentException'],
    [{ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(now + 1) }, 'InvalidArgumentException'],
    [{ ShardIteratorType: 'AT_SEQUENCE_NUMBER' }, 'InvalidArgumentException'],
    [{ ShardIteratorType: 'LATEST', StartingSequenceNumber: sequence[0] }, 'InvalidArgumentException'],
    [{ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: '1' }, 'InvalidArgumentException'],
    [{ ShardIteratorType: 'SOMEWHERE' }, 'ValidationException'],
    [{ ShardIteratorType: 'LATEST', ShardId: shardId(7) }, 'ResourceNotFoundException'],
    [{ ShardIteratorType: 'LATEST', StreamName: 'none' }, 'ResourceNotFoundException'],
  ]
  for (const [position, name] of wrong) {
    const input = { StreamName: 'spans', ShardId: shardId(0), ShardIteratorType: undefined, ...position }
    await assert.rejects(client.getShardIterator(input), refusal(name))
  }
})

test('GetRecords goes through a shard page by page and says how far behind it is', async (t) => {
  let now = 1_700_000_000_000
  const { client } = await start(t, { streams: { spans: 1 }, now: () => now, limits: false })
  for (const text of ['a', 'b', 'c']) {
    await client.putRecord({ StreamName: 'spans', PartitionKey: `p${text}`, Data: Buffer.from(text) })
    now += 1000
  }
  const first = await client.getRecords({ ShardIterator: await fromStart(client, 'spans'), Limit: 2 })
  assert.deepEqual(texts(first.Records), ['a', 'b'])
  assert.equal(first.Records?.[1]?.PartitionKey, 'pb')
  assert.equal(first.Records?.[1]?.ApproximateArrivalTimestamp?.getTime(), 1_700_000_001_000)
  assert.equal(first.MillisBehindLatest, 1000)

  const second = await client.getRecords({ ShardIterator: first.NextShardIterator })
  assert.deepEqual(texts(second.Records), ['c'])
  assert.equal(second.MillisBehindLatest, 0)
  const third = await client.getRecords({ ShardIterator: second.NextShardIterator })
  assert.deepEqual(third.Records, [])
  assert.equal(third.MillisBehindLatest, 0)
  assert.ok(third.NextShardIterator)
  assert.equal(third.ChildShards, undefined)

  await client.putRecord({ StreamName: 'spans', PartitionKey: 'k', Data: Buffer.from('later') })
  const fourth = await client.getRecords({ ShardIterator: third.NextShardIterator })
  assert.deepEqual(texts(fourth.Records), ['later'])
})

test('an iterator ends after five minutes, with its stream, and when it is not one', async (t) => {
  let now = Date.now()
  const { client } = await start(t, { streams: { spans: 1 }, now: () => now, changeMs: 0 })
  const iterator = await fromStart(client, 'spans')
  now += 300_000
  await client.getRecords({ ShardIterator: iterator })
  now += 1
  await assert.rejects(
    client.getRecords({ ShardIterator: iterator }),
    refusal('ExpiredIteratorException', /^Iterator expired\. The iterator was created at time .* UTC/),
  )
  const forged = [now, 'spans', now, shardId(0), 'NaN']
  for (const text of ['x', 'bnVsbA==', Buffer.from(JSON.stringify(forged)).toString('base64')]) {
    const get = client.getRecords({ ShardIterator: text })
    await assert.rejects(get, refusal('InvalidArgumentException', 'Invalid ShardIterator.'))
  }

  const fresh = await fromStart(client, 'spans')
  await client.deleteStream({ StreamName: 'spans' })
  now += 1
  await client.createStream({ StreamName: 'spans', ShardCount: 1 })
  await assert.rejects(client.getRecords({ ShardIterator: fresh }), refusal('ResourceNotFoundException'))
})

test('bytes come back as they were, whatever they are', async (t) => {
  const { client } = await start(t, { streams: { spans: 1 }, limits: false })
  const all = Array.from({ length: 40 }, (_, n) =>
    Buffer.from(Array.from({ length: n }, (_, i) => i * 37 + n)),
  )
  await client.putRecords({
    StreamName: 'spans',
    Records: all.map((Data) => ({ Data, PartitionKey: 'k' })),
  })
  const { Records } = await client.getRecords({ ShardIterator: await fromStart(client, 'spans') })
  assert.deepEqual(
    Records?.map(({ Data }) => Buffer.from(Data!)),
    all,
  )
})

test('what is old or too much is dropped, and reading goes on from what is left', async (t) => {
  let now = 1_700_000_000_000
  const { kinesis, client } = await start(t, {
    streams: { spans: 2 },
    now: () => now,
    limits: false,
    retention: { bytes: 1000, ageMs: 3_600_000 },
  })
  const put = (hashKey: string, text: string): Promise<unknown> =>
    client.putRecord({
      StreamName: 'spans',
      PartitionKey: 'k',
      ExplicitHashKey: hashKey,
      Data: Buffer.from(text.padEnd(299)),
    })
  const upper = '340282366920938463463374607431768211455'
  const held = (): string[] => kinesis.records('spans').map(({ data }) => data.toString().trim())

  const early = await fromStart(client, 'spans')
  await put('0', 'a')
  now += 1000
  await put(upper, 'b')
  now += 1000
  await put('0', 'c')
  assert.deepEqual(held(), ['a', 'c', 'b'])
  await put('0', 'd')
  assert.deepEqual(held(), ['c', 'd', 'b'], 'the oldest of all shards goes first')
  const { Records } = await client.getRecords({ ShardIterator: early })
  assert.deepEqual(
    texts(Records).map((text) => text.trim()),
    ['c', 'd'],
  )
  assert.equal(kinesis.inspect().streams['spans']?.shards[0]?.stored, 3)

  now += 3_600_001
  await client.listShards({ StreamName: 'spans' })
  assert.deepEqual(held(), [])
})
