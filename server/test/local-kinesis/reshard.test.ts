import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PutRecordCommandOutput, Shard } from '@aws-sdk/client-kinesis'
import { fromStart, refusal, shardId, start, texts, untilActive } from './kinesis-under-test.js'

const half = '170141183460469231731687303715884105728'
const last = '340282366920938463463374607431768211455'

test('a split shard ends, names its children, and they take over', async (t) => {
  const { client } = await start(t, { streams: { spans: 1 } })
  const put = (hashKey: string, text: string): Promise<PutRecordCommandOutput> =>
    client.putRecord({
      StreamName: 'spans',
      PartitionKey: 'k',
      ExplicitHashKey: hashKey,
      Data: Buffer.from(text),
    })
  await put('0', 'before')
  await put('0', 'more')
  await client.splitShard({ StreamName: 'spans', ShardToSplit: shardId(0), NewStartingHashKey: half })
  await untilActive(client, 'spans')
  assert.equal((await put('0', 'low')).ShardId, shardId(1))
  assert.equal((await put(half, 'high')).ShardId, shardId(2))

  const { Shards } = await client.listShards({ StreamName: 'spans' })
  const [parent, low, high] = Shards as [Shard, Shard, Shard]
  const { StartingSequenceNumber: begin, EndingSequenceNumber: end } = parent.SequenceNumberRange!
  assert.ok(end! > begin! && low.SequenceNumberRange!.StartingSequenceNumber! > end!)
  assert.equal(low.SequenceNumberRange?.EndingSequenceNumber, undefined)
  assert.equal(low.ParentShardId, shardId(0))
  assert.equal(low.AdjacentParentShardId, undefined)
  assert.deepEqual(high.HashKeyRange, { StartingHashKey: half, EndingHashKey: last })

  const read = await client.getRecords({ ShardIterator: await fromStart(client, 'spans') })
  assert.deepEqual(texts(read.Records), ['before', 'more'])
  assert.equal(read.NextShardIterator, undefined)
  assert.equal(read.MillisBehindLatest, 0)
  assert.deepEqual(read.ChildShards, [
    { ShardId: shardId(1), ParentShards: [shardId(0)], HashKeyRange: low.HashKeyRange },
    { ShardId: shardId(2), ParentShards: [shardId(0)], HashKeyRange: high.HashKeyRange },
  ])
  const part = await client.getRecords({ ShardIterator: await fromStart(client, 'spans'), Limit: 1 })
  assert.ok(part.NextShardIterator)
  assert.equal(part.ChildShards, undefined)
})

test('a shard that is being split still takes and gives, but is not split again', async (t) => {
  const { client } = await start(t, { streams: { spans: 1 }, changeMs: 600_000 })
  const split = { StreamName: 'spans', ShardToSplit: shardId(0), NewStartingHashKey: half }
  await client.splitShard(split)
  await assert.rejects(client.splitShard(split), refusal('ResourceInUseException', /in state UPDATING/))
  await client.putRecord({ StreamName: 'spans', PartitionKey: 'k', Data: Buffer.from('a') })
  const read = await client.getRecords({ ShardIterator: await fromStart(client, 'spans') })
  assert.deepEqual(texts(read.Records), ['a'])
  assert.ok(read.NextShardIterator)
})

test('merged shards have one child between them', async (t) => {
  const { client } = await start(t, { streams: { spans: 3 }, changeMs: 0 })
  const merge = (a: number, b: number): Promise<unknown> =>
    client.mergeShards({ StreamName: 'spans', ShardToMerge: shardId(a), AdjacentShardToMerge: shardId(b) })
  await assert.rejects(merge(0, 2), refusal('InvalidArgumentException', /not an adjacent pair/))
  await assert.rejects(merge(0, 0), refusal('InvalidArgumentException', /not an adjacent pair/))
  await assert.rejects(merge(0, 9), refusal('ResourceNotFoundException', /Could not find shard/))
  await merge(1, 0)
  const { Shards } = await client.listShards({ StreamName: 'spans' })
  assert.equal(Shards?.[3]?.ParentShardId, shardId(1))
  assert.equal(Shards?.[3]?.AdjacentParentShardId, shardId(0))
  assert.equal(Shards?.[3]?.HashKeyRange?.StartingHashKey, '0')
  await assert.rejects(merge(0, 1), refusal('InvalidArgumentException', /already been merged or split/))

  for (const index of [0, 1]) {
    const { ChildShards } = await client.getRecords({
      ShardIterator: await fromStart(client, 'spans', index),
    })
    assert.deepEqual(
      ChildShards?.map(({ ShardId, ParentShards }) => [ShardId, ParentShards]),
      [[shardId(3), [shardId(1), shardId(0)]]],
    )
  }
})

test('a shard is split only within itself', async (t) => {
  const { client } = await start(t, { streams: { spans: 2 }, changeMs: 0 })
  for (const key of ['0', '1', `${BigInt(half) - 1n}`, half, last]) {
    const split = client.splitShard({
      StreamName: 'spans',
      ShardToSplit: shardId(0),
      NewStartingHashKey: key,
    })
    await assert.rejects(split, refusal('InvalidArgumentException', /NewStartingHashKey/))
  }
})

for (const [from, to] of [
  [1, 2],
  [4, 3],
  [4, 2],
  [3, 5],
  [5, 3],
] as const) {
  test(`UpdateShardCount goes from ${from} equal shards to ${to}`, async (t) => {
    const { kinesis, client } = await start(t, { streams: { spans: from }, changeMs: 0 })
    const answer = await client.updateShardCount({
      StreamName: 'spans',
      TargetShardCount: to,
      ScalingType: 'UNIFORM_SCALING',
    })
    assert.equal(answer.CurrentShardCount, from)
    assert.equal(answer.TargetShardCount, to)
    const open = await client.listShards({ StreamName: 'spans', ShardFilter: { Type: 'AT_LATEST' } })
    const fresh = await start(t, { streams: { spans: to } })
    const even = await fresh.client.listShards({ StreamName: 'spans' })
    const ranges = (shards: Shard[] | undefined): string[] =>
      shards!.map(({ HashKeyRange: range }) => `${range!.StartingHashKey}..${range!.EndingHashKey}`).sort()
    assert.deepEqual(ranges(open.Shards), ranges(even.Shards))
    for (const { parentIds } of kinesis.inspect().streams['spans']!.shards) assert.ok(parentIds.length <= 2)
  })
}

test('UpdateShardCount neither more than doubles nor more than halves', async (t) => {
  const { client } = await start(t, { streams: { spans: 4 } })
  for (const target of [9, 1]) {
    await assert.rejects(
      client.updateShardCount({
        StreamName: 'spans',
        TargetShardCount: target,
        ScalingType: 'UNIFORM_SCALING',
      }),
      refusal('LimitExceededException', /Current open shard count: 4/),
    )
  }
})

test('every record of a stream that is resharded again and again is read once by following the children', async (t) => {
  const { client } = await start(t, { streams: { spans: 2 }, changeMs: 0, limits: false })
  const put = async (round: number): Promise<void> => {
    const entries = Array.from({ length: 50 }, (_, i) => `${round}-${i}`)
    await client.putRecords({
      StreamName: 'spans',
      Records: entries.map((key) => ({ PartitionKey: key, Data: Buffer.from(key) })),
    })
  }
  for (const [round, target] of [4, 3, 6, 5, 3, 2, 1].entries()) {
    await put(round)
    await client.updateShardCount({
      StreamName: 'spans',
      TargetShardCount: target,
      ScalingType: 'UNIFORM_SCALING',
    })
  }
  await put(7)

  const horizon = await client.listShards({ StreamName: 'spans', ShardFilter: { Type: 'AT_TRIM_HORIZON' } })
  const queue = horizon.Shards!.map(({ ShardId }) => ShardId!)
  assert.deepEqual(queue, [shardId(0), shardId(1)])
  const done = new Set<string>()
  const read: string[] = []
  while (queue.length > 0) {
    const id = queue.shift()!
    if (done.has(id)) continue
    done.add(id)
    const iterator = await fromStart(client, 'spans', Number(id.slice(-12)))
    const { Records, ChildShards } = await client.getRecords({ ShardIterator: iterator })
    read.push(...texts(Records))
    queue.push(...(ChildShards ?? []).map(({ ShardId }) => ShardId!))
  }
  assert.equal(read.length, 400)
  assert.equal(new Set(read).size, 400)
})

test('shards are filtered by time and place', async (t) => {
  let now = 1_700_000_000_000
  const { client } = await start(t, {
    streams: { spans: 1 },
    changeMs: 0,
    now: () => now,
    retention: { ageMs: 100_000 },
  })
  now += 10_000
  await client.splitShard({ StreamName: 'spans', ShardToSplit: shardId(0), NewStartingHashKey: half })
  now += 10_000
  const ids = async (filter: object): Promise<number[]> => {
    const input = { StreamName: 'spans', ShardFilter: { Type: undefined, ...filter } }
    const { Shards } = await client.listShards(input)
    return Shards!.map(({ ShardId }) => Number(ShardId!.slice(-12)))
  }
  const at = (seconds: number): Date => new Date(1_700_000_000_000 + seconds * 1000)
  assert.deepEqual(await ids({ Type: 'AFTER_SHARD_ID', ShardId: shardId(1) }), [2])
  assert.deepEqual(await ids({ Type: 'AT_TRIM_HORIZON' }), [0])
  assert.deepEqual(await ids({ Type: 'FROM_TRIM_HORIZON' }), [0, 1, 2])
  assert.deepEqual(await ids({ Type: 'AT_LATEST' }), [1, 2])
  assert.deepEqual(await ids({ Type: 'AT_TIMESTAMP', Timestamp: at(5) }), [0])
  assert.deepEqual(await ids({ Type: 'AT_TIMESTAMP', Timestamp: at(15) }), [1, 2])
  assert.deepEqual(await ids({ Type: 'FROM_TIMESTAMP', Timestamp: at(5) }), [0, 1, 2])
  assert.deepEqual(await ids({ Type: 'FROM_TIMESTAMP', Timestamp: at(15) }), [1, 2])
  await assert.rejects(ids({ Type: 'AT_TIMESTAMP' }), refusal('InvalidArgumentException'))
  await assert.rejects(ids({ Type: 'AFTER_SHARD_ID' }), refusal('InvalidArgumentException'))

  now += 100_000
  assert.deepEqual(
    await ids({ Type: 'AT_TRIM_HORIZON' }),
    [1, 2],
    'a closed shard goes when its last record has',
  )
})
