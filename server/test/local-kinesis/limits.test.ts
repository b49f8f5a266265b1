import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromStart, refusal, shardId, start } from './kinesis-under-test.js'

const MiB = 1 << 20
const throttled = 'ProvisionedThroughputExceededException'

test('a record holds 1 MiB, its partition key included', async (t) => {
  let now = Date.now()
  const { client } = await start(t, { streams: { spans: 1 }, now: () => now })
  const put = (bytes: number): Promise<unknown> =>
    client.putRecord({ StreamName: 'spans', PartitionKey: 'k'.repeat(10), Data: Buffer.alloc(bytes) })
  await put(MiB - 10)
  now += 1000
  await assert.rejects(put(MiB - 9), refusal('ValidationException', /at 'data' failed .* equal to 1048576/))
  await assert.rejects(
    client.putRecords({ StreamName: 'spans', Records: [{ PartitionKey: 'k', Data: Buffer.alloc(MiB) }] }),
    refusal('ValidationException', /at 'records\.1\.member\.data'/),
  )
})

test('a call holds 500 records and 10 MiB', async (t) => {
  const { client } = await start(t, { streams: { spans: 16 } })
  const records = (count: number, bytes: number): { PartitionKey: string; Data: Buffer }[] =>
    Array.from({ length: count }, (_, i) => ({ PartitionKey: `${i}`.padStart(4), Data: Buffer.alloc(bytes) }))

  const most = await client.putRecords({ StreamName: 'spans', Records: records(500, 10) })
  assert.equal(most.FailedRecordCount, 0)
  await assert.rejects(
    client.putRecords({ StreamName: 'spans', Records: records(501, 10) }),
    refusal('ValidationException', /at 'records' failed .* less than or equal to 500/),
  )
  await assert.rejects(
    client.putRecords({ StreamName: 'spans', Records: [] }),
    refusal('ValidationException', /at 'records' failed .* greater than or equal to 1/),
  )
  const whole = records(20, MiB / 2 - 4)
  await client.putRecords({ StreamName: 'spans', Records: whole })
  whole[19]!.Data = Buffer.alloc(MiB / 2 - 3)
  await assert.rejects(
    client.putRecords({ StreamName: 'spans', Records: whole }),
    refusal('InvalidArgumentException', 'Records size exceeds 10 MB limit'),
  )
})

test('a shard takes 1000 records a second, and refuses the others one by one', async (t) => {
  let now = Date.now()
  const { kinesis, client } = await start(t, { streams: { spans: 2 }, now: () => now })
  const put = async (hashKey: string): Promise<(string | undefined)[]> => {
    const entry = { PartitionKey: 'k', ExplicitHashKey: hashKey, Data: new Uint8Array(1) }
    const answer = await client.putRecords({
      StreamName: 'spans',
      Records: Array.from({ length: 400 }, () => entry),
    })
    const codes = answer.Records!.map(({ ErrorCode }) => ErrorCode)
    assert.equal(answer.FailedRecordCount, codes.filter(Boolean).length)
    return codes
  }
  assert.deepEqual(new Set([...(await put('0')), ...(await put('0'))]), new Set([undefined]))
  const third = await put('0')
  assert.equal(third.indexOf(throttled), 200)
  assert.equal(third.lastIndexOf(undefined), 199)
  assert.ok(!(await put('340282366920938463463374607431768211455')).includes(throttled), 'only that shard')
  now += 100
  assert.equal((await put('0')).indexOf(throttled), 100)
  assert.equal(kinesis.inspect().throttledRecords, 500)
  assert.equal(kinesis.records('spans').length, 1500)

  const one = client.putRecord({
    StreamName: 'spans',
    PartitionKey: 'k',
    ExplicitHashKey: '0',
    Data: new Uint8Array(1),
  })
  const message = `Rate exceeded for shard ${shardId(0)} in stream spans under account 000000000000.`
  await assert.rejects(one, refusal(throttled, message))
})

test('a shard takes 1 MiB a second', async (t) => {
  let now = Date.now()
  const { client } = await start(t, { streams: { spans: 1 }, now: () => now })
  const put = async (count: number): Promise<number | undefined> => {
    const entry = { PartitionKey: 'k', Data: Buffer.alloc(102_399) }
    const answer = await client.putRecords({
      StreamName: 'spans',
      Records: Array.from({ length: count }, () => entry),
    })
    return answer.FailedRecordCount
  }
  assert.equal(await put(15), 5)
  now += 500
  assert.equal(await put(10), 5)
})

test('a shard gives 5 answers a second', async (t) => {
  let now = Date.now()
  const { client } = await start(t, { streams: { spans: 1 }, now: () => now })
  const iterator = await fromStart(client, 'spans')
  for (let i = 0; i < 5; i++) await client.getRecords({ ShardIterator: iterator })
  await assert.rejects(client.getRecords({ ShardIterator: iterator }), refusal(throttled))
  now += 200
  await client.getRecords({ ShardIterator: iterator })
})

test('an answer holds 10 MiB, and the next must wait until they are paid for at 2 MiB a second', async (t) => {
  let now = Date.now()
  const { client } = await start(t, {
    streams: { spans: 1 },
    now: () => now,
    limits: { writeBytesPerSecond: Infinity },
  })
  const Records = Array.from({ length: 8 }, () => ({ PartitionKey: 'k', Data: Buffer.alloc(MiB - 1) }))
  await client.putRecords({ StreamName: 'spans', Records })
  await client.putRecords({ StreamName: 'spans', Records })

  const first = await client.getRecords({ ShardIterator: await fromStart(client, 'spans') })
  assert.equal(first.Records?.length, 10)
  now += 4999
  await assert.rejects(client.getRecords({ ShardIterator: first.NextShardIterator }), refusal(throttled))
  now += 1
  const second = await client.getRecords({ ShardIterator: first.NextShardIterator })
  assert.equal(second.Records?.length, 6)
})

test('each limit can be changed and all can be turned off', async (t) => {
  const small = await start(t, { streams: { spans: 1 }, limits: { readRecords: 2, callRecords: 3 } })
  const Records = Array.from({ length: 3 }, () => ({ PartitionKey: 'k', Data: new Uint8Array(1) }))
  await small.client.putRecords({ StreamName: 'spans', Records })
  await assert.rejects(
    small.client.putRecords({ StreamName: 'spans', Records: [...Records, ...Records] }),
    refusal('ValidationException'),
  )
  const ShardIterator = await fromStart(small.client, 'spans')
  assert.equal((await small.client.getRecords({ ShardIterator })).Records?.length, 2)

  const free = await start(t, { streams: { spans: 1 }, limits: false })
  const huge = { PartitionKey: 'k', Data: Buffer.alloc(3 * MiB) }
  const call = { StreamName: 'spans', Records: [huge, huge, huge, huge] }
  assert.equal((await free.client.putRecords(call)).FailedRecordCount, 0)
  const iterator = await fromStart(free.client, 'spans')
  for (let i = 0; i < 6; i++) {
    const { Records: read } = await free.client.getRecords({ ShardIterator: iterator, Limit: 1 })
    assert.equal(read?.length, 1)
  }
  const many = Array.from({ length: 1200 }, () => ({ PartitionKey: 'k', Data: new Uint8Array(1) }))
  const { FailedRecordCount } = await free.client.putRecords({ StreamName: 'spans', Records: many })
  assert.equal(FailedRecordCount, 0)
})
