import { invalidArgument } from '../wire/api-error.ts'
import { name, operation, type Operation, streamAddress } from './operation.ts'
import { pageAfter, readPageToken } from './paging.ts'
import type { Stream } from '../stream/stream.ts'
import { addTags, tagMap } from './tag-operations.ts'
import { integer, required, structure, text } from './validation.ts'

const streamMode = structure({ StreamMode: required(text({ oneOf: ['PROVISIONED', 'ON_DEMAND'] })) })

/** Making, dropping and describing streams. */
export const streamOperations: Record<string, Operation> = {
  CreateStream: operation(
    {
      StreamName: required(name()),
      ShardCount: integer({ min: 1 }),
      StreamModeDetails: streamMode,
      Tags: tagMap,
    },
    (account, input) => {
      const mode = input.StreamModeDetails?.StreamMode ?? 'PROVISIONED'
      const provisioned = mode === 'PROVISIONED'
      if (provisioned && input.ShardCount === undefined) {
        throw invalidArgument('ShardCount is required for a stream in PROVISIONED mode.')
      }
      const shardCount = provisioned ? input.ShardCount! : 4
      const stream = account.createStream(input.StreamName, shardCount, mode)
      addTags(stream, input.Tags ?? {})
      account.change(() => {
        if (stream.status === 'CREATING') stream.activate(shardCount, account.now())
      })
    },
  ),

  DeleteStream: operation(streamAddress, (account, input) => {
    const stream = account.stream(input)
    stream.status = 'DELETING'
    account.change(() => {
      if (account.streams.get(stream.name) === stream) account.streams.delete(stream.name)
      for (const consumer of stream.consumers.values()) {
        for (const subscription of consumer.subscriptions.values()) {
          subscription.end('ResourceNotFoundException', `Stream ${stream.name} was deleted.`)
        }
      }
    })
  }),

  DescribeStream: operation(
    { ...streamAddress, Limit: integer({ min: 1, max: 10_000 }), ExclusiveStartShardId: name() },
    (account, input) => {
      const stream = account.stream(input)
      const now = account.now()
      stream.trim(now)
      const size = Math.min(input.Limit ?? 100, 100)
      const page = pageAfter(input.ExclusiveStartShardId ?? '', stream.shards, (shard) => shard.id, size, now)
      return {
        StreamDescription: {
          ...describe(stream),
          Shards: page.items.map((shard) => shard.describe()),
          HasMoreShards: page.token !== undefined,
        },
      }
    },
  ),

  DescribeStreamSummary: operation(streamAddress, (account, input) => {
    const stream = account.stream(input)
    const { recordBytes } = account.settings.limits
    return {
      StreamDescriptionSummary: {
        ...describe(stream),
        OpenShardCount: stream.openShards.length,
        ConsumerCount: stream.consumers.size,
        MaxRecordSizeInKiB: Number.isFinite(recordBytes) ? Math.ceil(recordBytes / 1024) : undefined,
      },
    }
  }),

  DescribeLimits: operation({}, (account) => {
    const onDemand = [...account.streams.values()].filter(({ mode }) => mode === 'ON_DEMAND')
    // JSON knows no Infinity.
    const { shards } = account.settings.limits
    return {
      ShardLimit: Math.min(shards, 0x7fffffff),
      OpenShardCount: account.openShards,
      OnDemandStreamCount: onDemand.length,
      OnDemandStreamCountLimit: 50,
    }
  }),

  ListStreams: operation(
    {
      Limit: integer({ min: 1, max: 10_000 }),
      ExclusiveStartStreamName: name(),
      NextToken: text({ min: 1, max: 1_048_576 }),
    },
    (account, input) => {
      const now = account.now()
      const [last] = input.NextToken === undefined ? [] : readPageToken(input.NextToken, now)
      const after = last ?? input.ExclusiveStartStreamName ?? ''
      const size = Math.min(input.Limit ?? 100, 100)
      const page = pageAfter(after, account.streams.values(), (stream) => stream.name, size, now)
      return {
        StreamNames: page.items.map((stream) => stream.name),
        HasMoreStreams: page.token !== undefined,
        NextToken: page.token,
        StreamSummaries: page.items.map((stream) => ({
          StreamName: stream.name,
          StreamARN: stream.arn,
          StreamStatus: stream.status,
          StreamModeDetails: { StreamMode: stream.mode },
          StreamCreationTimestamp: stream.createdAt / 1000,
        })),
      }
    },
  ),
}

function describe(stream: Stream): object {
  return {
    StreamName: stream.name,
    StreamARN: stream.arn,
    StreamStatus: stream.status,
    StreamModeDetails: { StreamMode: stream.mode },
    StreamCreationTimestamp: stream.createdAt / 1000,
    RetentionPeriodHours: Math.ceil(stream.retention.ageMs / 3_600_000),
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
  }
}
