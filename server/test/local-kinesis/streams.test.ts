import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusal, shardId, start, untilActive } from './kinesis-under-test.js'

test('a stream is made, described and deleted', async (t) => {
  const { client } = await start(t)
  await client.createStream({ StreamName: 'spans', ShardCount: 3 })
  await untilActive(client, 'spans')
  const { StreamDescription: stream } = await client.describeStream({ StreamName: 'spans' })
  assert.equal(stream?.StreamStatus, 'ACTIVE')
  assert.equal(stream.StreamARN, 'arn:aws:kinesis:us-east-1:000000000000:stream/spans')
  assert.equal(stream.RetentionPeriodHours, 24)
  assert.ok(Math.abs(stream.StreamCreationTimestamp!.getTime() - Date.now()) < 60_000)
  assert.deepEqual(
    stream.Shards?.map(({ HashKeyRange }) => HashKeyRange),
    [
      { StartingHashKey: '0', EndingHashKey: '113427455640312821154458202477256070484' },
      {
        StartingHashKey: '113427455640312821154458202477256070485',
        EndingHashKey: '226854911280625642308916404954512140969',
      },
      {
        StartingHashKey: '226854911280625642308916404954512140970',
        EndingHashKey: '340282366920938463463374607431768211455',
      },
    ],
  )
  const summary = (await client.describeStreamSummary({ StreamName: 'spans' })).StreamDescriptionSummary
  assert.equal(summary?.OpenShardCount, 3)
  assert.equal(summary.ConsumerCount, 0)

  await assert.rejects(
    client.createStream({ StreamName: 'spans', ShardCount: 1 }),
    refusal('ResourceInUseException'),
  )
  await client.deleteStream({ StreamName: 'spans' })
  await assert.rejects(async () => {
    for (;;) await client.describeStreamSummary({ StreamName: 'spans' })
  }, refusal('ResourceNotFoundException'))
})

test('a stream that is being made is there, but holds nothing yet', async (t) => {
  const { client } = await start(t, { changeMs: 600_000 })
  await client.createStream({ StreamName: 'spans', ShardCount: 3 })
  const { StreamDescription } = await client.describeStream({ StreamName: 'spans' })
  assert.equal(StreamDescription?.StreamStatus, 'CREATING')
  assert.deepEqual(StreamDescription.Shards, [])
  const put = { StreamName: 'spans', PartitionKey: 'k', Data: new Uint8Array(1) }
  await assert.rejects(client.putRecord(put), refusal('ResourceNotFoundException'))
  await client.deleteStream({ StreamName: 'spans' })
  const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: 'spans' })
  assert.equal(StreamDescriptionSummary?.StreamStatus, 'DELETING')
})

test('a stream is addressed by name, by ARN, or by both', async (t) => {
  const { client } = await start(t, { streams: { spans: 1, other: 1 }, region: 'eu-west-1' })
  const arn = 'arn:aws:kinesis:eu-west-1:000000000000:stream/spans'
  const data = { PartitionKey: 'k', Data: new Uint8Array(1) }
  for (const address of [
    { StreamARN: arn },
    { StreamName: 'spans' },
    { StreamName: 'spans', StreamARN: arn },
  ]) {
    await client.putRecord({ ...address, ...data })
    await client.putRecords({ ...address, Records: [data] })
    await client.describeStream(address)
    await client.describeStreamSummary(address)
    await client.listShards(address)
    const { ShardIterator } = await client.getShardIterator({
      ...address,
      ShardId: shardId(0),
      ShardIteratorType: 'LATEST',
    })
    await client.getRecords({ ShardIterator, ...('StreamARN' in address ? { StreamARN: arn } : {}) })
  }

  const foreign = 'arn:aws:kinesis:us-east-1:000000000000:stream/spans'
  await assert.rejects(client.listShards({ StreamARN: foreign }), refusal('ResourceNotFoundException'))
  await assert.rejects(client.listShards({ StreamARN: 'spans' }), refusal('InvalidArgumentException'))
  await assert.rejects(
    client.listShards({}),
    refusal('InvalidArgumentException', /Neither StreamName nor StreamARN/),
  )
  await assert.rejects(
    client.describeStream({ StreamName: 'other', StreamARN: arn }),
    refusal('InvalidArgumentException', /do not name the same stream/),
  )
})

test('streams are listed by name, page by page', async (t) => {
  const { client } = await start(t, { streams: { c: 1, a: 1, b: 1 } })
  const first = await client.listStreams({ Limit: 2 })
  assert.deepEqual(first.StreamNames, ['a', 'b'])
  assert.equal(first.HasMoreStreams, true)
  assert.equal(first.StreamSummaries?.[0]?.StreamStatus, 'ACTIVE')
  const second = await client.listStreams({ NextToken: first.NextToken })
  assert.deepEqual(second.StreamNames, ['c'])
  assert.equal(second.HasMoreStreams, false)
  assert.deepEqual((await client.listStreams({ ExclusiveStartStreamName: 'a' })).StreamNames, ['b', 'c'])
})

test('shards are listed page by page', async (t) => {
  let now = Date.now()
  const { client } = await start(t, { streams: { spans: 5 }, now: () => now })
  const ids: (string | undefined)[] = []
  let page = await client.listShards({ StreamName: 'spans', MaxResults: 2 })
  const token = page.NextToken
  for (;;) {
    ids.push(...page.Shards!.map(({ ShardId }) => ShardId))
    if (!page.NextToken) break
    page = await client.listShards({ NextToken: page.NextToken, MaxResults: 2 })
  }
  assert.deepEqual(ids, [0, 1, 2, 3, 4].map(shardId))

  const after = await client.listShards({ StreamName: 'spans', ExclusiveStartShardId: shardId(3) })
  assert.deepEqual(
    after.Shards?.map(({ ShardId }) => ShardId),
    [shardId(4)],
  )
  const both = client.listShards({ StreamName: 'spans', NextToken: token })
  await assert.rejects(both, refusal('InvalidArgumentException'))
  await assert.rejects(client.listShards({ NextToken: 'nonsense' }), refusal('InvalidArgumentException'))
  const filtered = {
    StreamName: 'spans',
    ShardFilter: { Type: 'AFTER_SHARD_ID', ShardId: shardId(1) },
  } as const
  const some = await client.listShards({ ...filtered, MaxResults: 1 })
  const rest = await client.listShards({ NextToken: some.NextToken })
  assert.deepEqual(
    [...some.Shards!, ...rest.Shards!].map(({ ShardId }) => ShardId),
    [2, 3, 4].map(shardId),
    'a filter goes on through the pages',
  )
  now += 301_000
  await assert.rejects(client.listShards({ NextToken: token }), refusal('ExpiredNextTokenException'))

  const described = await client.describeStream({
    StreamName: 'spans',
    Limit: 2,
    ExclusiveStartShardId: shardId(1),
  })
  assert.deepEqual(
    described.StreamDescription?.Shards?.map(({ ShardId }) => ShardId),
    [shardId(2), shardId(3)],
  )
  assert.equal(described.StreamDescription?.HasMoreShards, true)
})

test('an on-demand stream has four shards and is not resharded by hand', async (t) => {
  const { client } = await start(t, { changeMs: 0 })
  await client.createStream({ StreamName: 'spans', StreamModeDetails: { StreamMode: 'ON_DEMAND' } })
  const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: 'spans' })
  assert.equal(StreamDescriptionSummary?.OpenShardCount, 4)
  assert.equal(StreamDescriptionSummary.StreamModeDetails?.StreamMode, 'ON_DEMAND')
  await assert.rejects(
    client.updateShardCount({ StreamName: 'spans', TargetShardCount: 8, ScalingType: 'UNIFORM_SCALING' }),
    refusal('ValidationException'),
  )
  await assert.rejects(
    client.createStream({ StreamName: 'b' }),
    refusal('InvalidArgumentException', /ShardCount/),
  )
})

test('the account has only so many shards', async (t) => {
  const { client } = await start(t, { streams: { a: 3 }, limits: { shards: 4 }, changeMs: 0 })
  await assert.rejects(
    client.createStream({ StreamName: 'b', ShardCount: 2 }),
    refusal('LimitExceededException', /Current shard count for the account: 3\. Limit: 4\./),
  )
  await client.createStream({ StreamName: 'b', ShardCount: 1 })
})

test('a stream has tags from its making, by its name and by its ARN', async (t) => {
  const { client } = await start(t, { changeMs: 0 })
  await client.createStream({ StreamName: 'spans', ShardCount: 1, Tags: { team: 'shop' } })
  const ResourceARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/spans'
  await client.tagResource({ ResourceARN, Tags: { stage: 'test' } })
  const { Tags } = await client.listTagsForStream({ StreamName: 'spans' })
  assert.deepEqual(Tags, [
    { Key: 'stage', Value: 'test' },
    { Key: 'team', Value: 'shop' },
  ])
  await client.untagResource({ ResourceARN, TagKeys: ['team'] })
  assert.deepEqual((await client.listTagsForResource({ ResourceARN })).Tags, [
    { Key: 'stage', Value: 'test' },
  ])
})

test('the limits of the account say how many shards are open', async (t) => {
  const { client } = await start(t, { streams: { spans: 2, other: 3 } })
  const { ShardLimit, OpenShardCount, OnDemandStreamCount } = await client.describeLimits()
  assert.deepEqual(
    { ShardLimit, OpenShardCount, OnDemandStreamCount },
    { ShardLimit: 20_000, OpenShardCount: 5, OnDemandStreamCount: 0 },
  )
})
