import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type {
  GetRecordsCommandOutput,
  GetShardIteratorCommandInput,
  GetShardIteratorCommandOutput,
  Kinesis,
} from '@aws-sdk/client-kinesis'
import kinesalite from 'kinesalite'
import { type LocalKinesis, startLocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import { http1ClientFor, shardId, texts, untilActive } from './kinesis-under-test.js'

/**
 * The same cases against an implementation that is not ours, so that our server and our client cannot agree on the
 * same mistake. Where the two differ the case says how, and which of them AWS's documentation backs; a difference
 * that goes away fails too, so the list stays true.
 */
interface Case {
  readonly name: string
  readonly differs?: string
  /** What can be compared: no times, tokens or sequence numbers. */
  readonly run: (client: Kinesis, streamName: string) => Promise<unknown>
}

const one = { PartitionKey: 'k', Data: Buffer.from('a') }
const half = '170141183460469231731687303715884105728'

const cases: Case[] = [
  {
    name: 'a stream is described',
    async run(client, StreamName) {
      const { StreamDescription: stream } = await client.describeStream({ StreamName })
      return {
        status: stream?.StreamStatus,
        arn: stream?.StreamARN,
        hours: stream?.RetentionPeriodHours,
        encryption: stream?.EncryptionType,
        monitoring: stream?.EnhancedMonitoring,
        more: stream?.HasMoreShards,
        shards: stream?.Shards?.map(({ ShardId, HashKeyRange }) => ({ ShardId, HashKeyRange })),
      }
    },
  },
  {
    name: 'partition keys fall into the same shards',
    async run(client, StreamName) {
      const keys = Array.from({ length: 200 }, (_, i) => `schlüssel ${i}`)
      const Records = keys.map((key) => ({ PartitionKey: key, Data: Buffer.from(key) }))
      const answer = await client.putRecords({ StreamName, Records })
      return [answer.FailedRecordCount, answer.Records?.map(({ ShardId }) => ShardId)]
    },
  },
  {
    name: 'explicit hash keys fall into the same shards',
    run: (client, StreamName) =>
      Promise.all(
        ['0', half, `${BigInt(half) - 1n}`, '340282366920938463463374607431768211455'].map(
          async (ExplicitHashKey) =>
            (await client.putRecord({ StreamName, ...one, ExplicitHashKey })).ShardId,
        ),
      ),
  },
  {
    name: 'records come back in order, with their keys',
    async run(client, StreamName) {
      for (const text of ['a', 'b', 'c']) {
        await client.putRecord({
          StreamName,
          PartitionKey: `p${text}`,
          ExplicitHashKey: '0',
          Data: Buffer.from(text),
        })
      }
      const answer = await read(client, { StreamName, ShardIteratorType: 'TRIM_HORIZON' })
      return [
        texts(answer.Records),
        answer.Records?.map(({ PartitionKey }) => PartitionKey),
        answer.MillisBehindLatest,
      ]
    },
  },
  {
    name: 'a sequence number leads to its record and past it',
    async run(client, StreamName) {
      const put = { StreamName, PartitionKey: 'k', ExplicitHashKey: '0' }
      await client.putRecord({ ...put, Data: Buffer.from('a') })
      const { SequenceNumber } = await client.putRecord({ ...put, Data: Buffer.from('b') })
      await client.putRecord({ ...put, Data: Buffer.from('c') })
      const at = {
        StreamName,
        ShardIteratorType: 'AT_SEQUENCE_NUMBER',
        StartingSequenceNumber: SequenceNumber,
      } as const
      const past = { ...at, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER' } as const
      return [texts((await read(client, at)).Records), texts((await read(client, past)).Records)]
    },
  },
  {
    name: 'LATEST begins after what is there',
    async run(client, StreamName) {
      await client.putRecord({ StreamName, ...one, ExplicitHashKey: '0' })
      const answer = await read(client, { StreamName, ShardIteratorType: 'LATEST' })
      return [answer.Records, answer.MillisBehindLatest]
    },
  },
  {
    name: 'sequence numbers are 56 digits that rise',
    async run(client, StreamName) {
      const numbers: string[] = []
      for (let i = 0; i < 5; i++) {
        const put = await client.putRecord({ StreamName, ...one, ExplicitHashKey: '0' })
        numbers.push(put.SequenceNumber!)
      }
      return [
        numbers.map((number) => /^49\d{54}$/.test(number)),
        numbers.every((number, i) => i === 0 || number > numbers[i - 1]!),
      ]
    },
  },
  {
    name: 'a split shard says so when it is read to its end',
    differs: 'Kinesalite never gives ChildShards; AWS does, at the end of a shard (GetRecords).',
    async run(client, StreamName) {
      await split(client, StreamName)
      const answer = await read(client, { StreamName, ShardIteratorType: 'TRIM_HORIZON' })
      return answer.ChildShards?.map(({ ShardId, ParentShards }) => [ShardId, ParentShards])
    },
  },
  {
    name: 'the children of a split shard',
    async run(client, StreamName) {
      await split(client, StreamName)
      return shards(client, StreamName)
    },
  },
  {
    name: 'the child of two merged shards',
    async run(client, StreamName) {
      await client.mergeShards({ StreamName, ShardToMerge: shardId(0), AdjacentShardToMerge: shardId(1) })
      await untilActive(client, StreamName)
      return shards(client, StreamName)
    },
  },
  {
    name: 'two shards that are merged the wrong way round',
    differs:
      'Kinesalite refuses the upper shard as ShardToMerge; AWS asks only that the two are adjacent (MergeShards).',
    run: (client, StreamName) =>
      client
        .mergeShards({ StreamName, ShardToMerge: shardId(1), AdjacentShardToMerge: shardId(0) })
        .then(() => 'merged'),
  },
  {
    name: 'an empty closed shard has no next iterator',
    async run(client, StreamName) {
      await split(client, StreamName)
      const answer = await read(client, { StreamName, ShardIteratorType: 'LATEST' })
      return [answer.Records, answer.NextShardIterator]
    },
  },
  {
    name: 'the last records of a closed shard come without a next iterator',
    differs:
      'Kinesalite gives one more, which leads to an empty answer. AWS states only that null means the end.',
    async run(client, StreamName) {
      await client.putRecord({ StreamName, ...one, ExplicitHashKey: '0' })
      await split(client, StreamName)
      const answer = await read(client, { StreamName, ShardIteratorType: 'TRIM_HORIZON' })
      return [texts(answer.Records), answer.NextShardIterator === undefined]
    },
  },
  {
    name: 'a stream is addressed by its ARN',
    differs:
      'Kinesalite knows names only; AWS takes a StreamARN in place of the name (DescribeStream and others).',
    run: (client, StreamName) =>
      client
        .describeStreamSummary({ StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}` })
        .then(({ StreamDescriptionSummary }) => StreamDescriptionSummary?.OpenShardCount),
  },
  {
    name: 'shards are listed page by page',
    differs:
      'Kinesalite lists all at once whatever MaxResults says; AWS gives pages and a NextToken (ListShards).',
    run: (client, StreamName) =>
      client.listShards({ StreamName, MaxResults: 1 }).then(({ Shards }) => Shards?.length),
  },
  {
    name: 'shards are filtered',
    differs: 'Kinesalite ignores ShardFilter; AWS has it (ListShards).',
    async run(client, StreamName) {
      await split(client, StreamName)
      const { Shards } = await client.listShards({ StreamName, ShardFilter: { Type: 'AT_LATEST' } })
      return Shards?.map(({ ShardId }) => ShardId)
    },
  },
  {
    name: 'the shards after one',
    run: (client, StreamName) =>
      client
        .listShards({ StreamName, ExclusiveStartShardId: shardId(0) })
        .then(({ Shards }) => Shards?.map(({ ShardId }) => ShardId)),
  },
  {
    name: 'a data blob above 1 MiB',
    differs: 'Both refuse it as AWS does, with a ValidationException; the wording of the value differs.',
    run: (client, StreamName) =>
      client.putRecord({ StreamName, PartitionKey: 'k', Data: Buffer.alloc(1_048_577) }),
  },
  {
    name: 'a record above 1 MiB with its partition key',
    differs: 'Kinesalite takes it; AWS counts the partition key into the record (PutRecord).',
    run: (client, StreamName) =>
      client.putRecord({ StreamName, PartitionKey: 'k', Data: Buffer.alloc(1_048_576) }).then(() => 'taken'),
  },
  {
    name: 'a call of 6 MiB',
    differs: 'Kinesalite answers 413 above 7 MiB of JSON; AWS takes 10 MiB of data and keys (PutRecords).',
    async run(client, StreamName) {
      const Data = Buffer.alloc(600_000)
      const Records = Array.from({ length: 10 }, (_, i) => ({ Data, PartitionKey: `${i}` }))
      const answer = await client.putRecords({ StreamName, Records })
      return answer.Records?.length
    },
  },
  {
    name: 'more than 1 MiB a second into one shard',
    differs:
      'Kinesalite never throttles; AWS refuses what is above 1 MiB/s a shard, record by record (PutRecords).',
    async run(client, StreamName) {
      const entry = { PartitionKey: 'k', Data: Buffer.alloc(400_000) }
      const answer = await client.putRecords({ StreamName, Records: [entry, entry, entry, entry] })
      return answer.FailedRecordCount! > 0
    },
  },
  {
    name: 'six reads of one shard in a second',
    differs: 'Kinesalite never throttles; AWS allows five GetRecords a second and shard.',
    async run(client, StreamName) {
      const { ShardIterator } = await iterator(client, { StreamName, ShardIteratorType: 'LATEST' })
      return Promise.all(Array.from({ length: 40 }, () => client.getRecords({ ShardIterator }))).then(
        () => 'all',
      )
    },
  },
  {
    name: 'more than doubling the shards',
    differs: 'Kinesalite has no UpdateShardCount, and no enhanced fan-out; AWS has both.',
    run: (client, StreamName) =>
      client.updateShardCount({ StreamName, TargetShardCount: 5, ScalingType: 'UNIFORM_SCALING' }),
  },
  refused('a stream that is not there', (client) => client.describeStream({ StreamName: 'none' })),
  refused('a stream that is there already', (client, StreamName) =>
    client.createStream({ StreamName, ShardCount: 1 }),
  ),
  refused('a name that is none', (client) => client.createStream({ StreamName: 'a b', ShardCount: 1 })),
  refused('no shards', (client) => client.createStream({ StreamName: 'a', ShardCount: 0 })),
  refused('more shards than the account may have', (client) =>
    client.createStream({ StreamName: 'a', ShardCount: 999 }),
  ),
  refused('an iterator that is none', (client) => client.getRecords({ ShardIterator: 'x' })),
  refused('more records than 10,000', (client) => client.getRecords({ ShardIterator: 'x', Limit: 10_001 })),
  refused('a shard that is not there', (client, StreamName) =>
    client.getShardIterator({ StreamName, ShardId: shardId(9), ShardIteratorType: 'LATEST' }),
  ),
  refused('the shard of no stream', (client) =>
    client.getShardIterator({ StreamName: 'none', ShardId: shardId(0), ShardIteratorType: 'LATEST' }),
  ),
  refused('a sequence number where none belongs', (client, StreamName) =>
    iterator(client, { StreamName, ShardIteratorType: 'LATEST', StartingSequenceNumber: '1' }),
  ),
  refused('no sequence number where one belongs', (client, StreamName) =>
    iterator(client, { StreamName, ShardIteratorType: 'AT_SEQUENCE_NUMBER' }),
  ),
  refused('no time where one belongs', (client, StreamName) =>
    iterator(client, { StreamName, ShardIteratorType: 'AT_TIMESTAMP' }),
  ),
  refused('a hash key outside the space', (client, StreamName) =>
    client.putRecord({ StreamName, ...one, ExplicitHashKey: '340282366920938463463374607431768211456' }),
  ),
  refused(
    'a hash key with a zero in front',
    (client, StreamName) => client.putRecord({ StreamName, ...one, ExplicitHashKey: '01' }),
    'Kinesalite takes it; AWS documents the pattern 0|([1-9]\\d{0,38}) (PutRecord).',
  ),
  refused('an empty partition key', (client, StreamName) =>
    client.putRecord({ StreamName, ...one, PartitionKey: '' }),
  ),
  refused('a long partition key', (client, StreamName) =>
    client.putRecords({ StreamName, Records: [one, { ...one, PartitionKey: 'x'.repeat(257) }] }),
  ),
  refused('shards that are not adjacent', (client, StreamName) =>
    client.mergeShards({ StreamName, ShardToMerge: shardId(0), AdjacentShardToMerge: shardId(0) }),
  ),
  refused('the merge of a shard that is not there', (client, StreamName) =>
    client.mergeShards({ StreamName, ShardToMerge: shardId(0), AdjacentShardToMerge: shardId(9) }),
  ),
  refused('a split outside the shard', (client, StreamName) =>
    client.splitShard({ StreamName, ShardToSplit: shardId(0), NewStartingHashKey: half }),
  ),
  {
    name: 'tags are added, listed page by page, and removed',
    async run(client, StreamName) {
      await client.addTagsToStream({ StreamName, Tags: { team: 'shop', stage: 'test', a: '' } })
      await client.addTagsToStream({ StreamName, Tags: { stage: 'live' } })
      const first = await client.listTagsForStream({ StreamName, Limit: 2 })
      const rest = await client.listTagsForStream({ StreamName, ExclusiveStartTagKey: 'stage' })
      await client.removeTagsFromStream({ StreamName, TagKeys: ['team', 'none'] })
      const left = await client.listTagsForStream({ StreamName })
      return [first, rest, left].map(({ Tags, HasMoreTags }) => ({ Tags, HasMoreTags }))
    },
  },
  refused('tags without any', (client, StreamName) => client.addTagsToStream({ StreamName, Tags: {} })),
  refused('tags of a stream that is not there', (client) =>
    client.listTagsForStream({ StreamName: 'nowhere' }),
  ),
  refused(
    'more tags than a stream may have',
    async (client, StreamName) => {
      const tags = (from: number) =>
        Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${from + i}`, 'v']))
      for (let i = 0; i < 6; i++) await client.addTagsToStream({ StreamName, Tags: tags(10 * i) })
    },
    'A stream may have 50 tags; Kinesalite keeps to the 10 of before 2016.',
  ),
  {
    name: 'refuses 501 records',
    differs:
      'Both refuse them as AWS does, with a ValidationException; Kinesalite lists the records in its message.',
    run: (client, StreamName) =>
      client.putRecords({ StreamName, Records: Array.from({ length: 501 }, () => one) }),
  },
]

const servers: { ours?: LocalKinesis; theirs?: ReturnType<typeof kinesalite> } = {}
const clients: Kinesis[] = []

before(async () => {
  servers.ours = await startLocalKinesis({ changeMs: 0, limits: { shards: 500 } })
  servers.theirs = kinesalite({ createStreamMs: 0, deleteStreamMs: 0, updateStreamMs: 0, shardLimit: 500 })
  servers.theirs.listen(0, '127.0.0.1')
  await once(servers.theirs, 'listening')
  const { port } = servers.theirs.address() as AddressInfo
  clients.push(http1ClientFor(servers.ours.endpoint), http1ClientFor(`http://127.0.0.1:${port}`))
})

after(async () => {
  for (const client of clients) client.destroy()
  await servers.ours?.close()
  servers.theirs?.close()
})

for (const [i, { name, differs, run }] of cases.entries()) {
  test(differs ? `${name} (differs: ${differs})` : name, async () => {
    const StreamName = `case-${i}`
    const [ours, theirs] = await Promise.all(
      clients.map(async (client) => {
        await client.createStream({ StreamName, ShardCount: 2 })
        await untilActive(client, StreamName)
        try {
          return await run(client, StreamName)
        } catch (error) {
          return `${(error as Error).name}: ${(error as Error).message}`
        } finally {
          await client.deleteStream({ StreamName })
        }
      }),
    )
    if (differs) assert.notDeepEqual(ours, theirs)
    else assert.deepEqual(ours, theirs)
  })
}

/** A case in which the error, its type and its words, is what is compared. */
function refused(
  what: string,
  run: (client: Kinesis, streamName: string) => Promise<unknown>,
  differs?: string,
): Case {
  return {
    name: `refuses ${what}`,
    ...(differs ? { differs } : {}),
    async run(client, streamName) {
      await run(client, streamName)
      assert.fail('it was not refused')
    },
  }
}

type From = Omit<GetShardIteratorCommandInput, 'ShardId'>

function iterator(client: Kinesis, from: From): Promise<GetShardIteratorCommandOutput> {
  return client.getShardIterator({ ...from, ShardId: shardId(0) })
}

async function read(client: Kinesis, from: From): Promise<GetRecordsCommandOutput> {
  const { ShardIterator } = await iterator(client, from)
  return client.getRecords({ ShardIterator })
}

async function split(client: Kinesis, StreamName: string): Promise<void> {
  await client.splitShard({ StreamName, ShardToSplit: shardId(0), NewStartingHashKey: '1000' })
  await untilActive(client, StreamName)
}

async function shards(client: Kinesis, StreamName: string): Promise<unknown> {
  const { Shards } = await client.listShards({ StreamName })
  return Shards?.map(({ SequenceNumberRange: range, ...rest }) => ({
    ...rest,
    closed: range?.EndingSequenceNumber !== undefined,
  }))
}
