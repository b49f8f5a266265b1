import { type Account, accountId, type StreamAddress } from '../account.ts'
import { ApiError, invalidArgument, limitExceeded, notFound } from '../wire/api-error.ts'
import { before, formatHashKey, parseHashKey } from '../stream/hash-key.ts'
import { hashKey, name, operation, type Operation, streamAddress } from './operation.ts'
import { pageAfter, readPageToken } from './paging.ts'
import type { Shard } from '../stream/shard.ts'
import type { Stream } from '../stream/stream.ts'
import { integer, required, structure, text, timestamp } from './validation.ts'

const filterTypes = [
  'AFTER_SHARD_ID',
  'AT_TRIM_HORIZON',
  'FROM_TRIM_HORIZON',
  'AT_LATEST',
  'AT_TIMESTAMP',
  'FROM_TIMESTAMP',
]

/** Listing, splitting and merging shards. */
export const shardOperations: Record<string, Operation> = {
  ListShards: operation(
    {
      ...streamAddress,
      NextToken: text({ min: 1, max: 1_048_576 }),
      ExclusiveStartShardId: name(),
      MaxResults: integer({ min: 1, max: 10_000 }),
      StreamCreationTimestamp: timestamp(),
      ShardFilter: structure({
        Type: required(text({ oneOf: filterTypes })),
        ShardId: name(),
        Timestamp: timestamp(),
      }),
    },
    (account, input) => {
      const now = account.now()
      const token = input.NextToken === undefined ? undefined : readPageToken(input.NextToken, now)
      if (
        token &&
        (input.StreamName ?? input.StreamARN ?? input.ExclusiveStartShardId ?? input.ShardFilter)
      ) {
        throw invalidArgument('NextToken and StreamName cannot be provided together.')
      }
      const [last, streamName, type, shardId, seconds] = token ?? []
      const filter = type ? { Type: type, ShardId: shardId, Timestamp: Number(seconds) } : input.ShardFilter
      const stream = account.stream(token ? { StreamName: streamName } : input)
      stream.trim(now)

      const after = last ?? input.ExclusiveStartShardId ?? ''
      const shards = filter ? stream.shards.filter(filterShards(filter, stream)) : stream.shards
      const carried = filter ? [filter.Type, filter.ShardId ?? '', String(filter.Timestamp ?? 0)] : []
      const page = pageAfter(after, shards, (shard) => shard.id, input.MaxResults ?? 1000, now, [
        stream.name,
        ...carried,
      ])
      return { Shards: page.items.map((shard) => shard.describe()), NextToken: page.token }
    },
  ),

  SplitShard: operation(
    {
      ...streamAddress,
      ShardToSplit: required(name()),
      NewStartingHashKey: required(hashKey()),
    },
    (account, input) => {
      const stream = changeable(account, input)
      const shard = openShard(stream, input.ShardToSplit)
      const { start, end } = shard.range
      const at = parseHashKey(input.NewStartingHashKey)
      if (at === undefined || at <= start || before(at) === start || at >= end) {
        throw invalidArgument(
          `NewStartingHashKey ${input.NewStartingHashKey} used in SplitShard() on shard ${shard.id} in stream ` +
            `${stream.name} under account ${accountId} is not both greater than one plus the shard's ` +
            `StartingHashKey ${formatHashKey(start)} and less than the shard's EndingHashKey ${formatHashKey(end)}.`,
        )
      }
      account.checkShards(1)
      reshard(account, stream, () => stream.split(shard, at, account.now()))
    },
  ),

  MergeShards: operation(
    { ...streamAddress, ShardToMerge: required(name()), AdjacentShardToMerge: required(name()) },
    (account, input) => {
      const stream = changeable(account, input)
      const shard = openShard(stream, input.ShardToMerge)
      const neighbour = openShard(stream, input.AdjacentShardToMerge)
      if (!touch(shard, neighbour) && !touch(neighbour, shard)) {
        throw invalidArgument(
          `Shards ${shard.id} and ${neighbour.id} in stream ${stream.name} under account ${accountId} ` +
            'are not an adjacent pair of shards eligible for merging',
        )
      }
      reshard(account, stream, () => stream.merge(shard, neighbour, account.now()))
    },
  ),

  UpdateShardCount: operation(
    {
      ...streamAddress,
      TargetShardCount: required(integer({ min: 1 })),
      ScalingType: required(text({ oneOf: ['UNIFORM_SCALING'] })),
    },
    (account, input) => {
      const stream = changeable(account, input)
      const current = stream.openShards.length
      const target = input.TargetShardCount
      if (target > current * 2 || target < current / 2) {
        const wrong = target > current ? 'up over double' : 'down below half'
        throw limitExceeded(
          `UpdateShardCount cannot scale ${wrong} your current open shard count. ` +
            `Current open shard count: ${current} Target shard count: ${target}`,
        )
      }
      account.checkShards(Math.max(0, target - current))
      reshard(account, stream, () => stream.rescale(target, account.now()))
      return {
        StreamName: stream.name,
        StreamARN: stream.arn,
        CurrentShardCount: current,
        TargetShardCount: target,
      }
    },
  ),
}

interface ShardFilter {
  readonly Type: string
  readonly ShardId?: string | undefined
  readonly Timestamp?: number | undefined
}

function filterShards(filter: ShardFilter, stream: Stream): (shard: Shard) => boolean {
  const { Type: type, ShardId: shardId, Timestamp: seconds } = filter
  if (type === 'AFTER_SHARD_ID') {
    if (shardId === undefined) throw invalidArgument('ShardId is required for the filter AFTER_SHARD_ID.')
    return (shard) => shard.id > shardId
  }
  if (type === 'AT_LATEST') return (shard) => shard.open
  // Shards past their retention are gone from the stream, so the first that are left are those at its horizon.
  if (type === 'AT_TRIM_HORIZON') {
    return (shard) => !shard.parentIds.some((id) => stream.shard(id))
  }
  if (type === 'FROM_TRIM_HORIZON') return () => true

  if (seconds === undefined) throw invalidArgument(`Timestamp is required for the filter ${type}.`)
  const time = seconds * 1000
  if (type === 'FROM_TIMESTAMP') return (shard) => (shard.closedAt ?? Infinity) >= time
  return (shard) => shard.createdAt <= time && (shard.closedAt ?? Infinity) >= time
}

function changeable(account: Account, input: StreamAddress): Stream {
  const stream = account.stream(input)
  account.checkActive(stream)
  if (stream.mode === 'ON_DEMAND') {
    throw new ApiError('ValidationException', 'A stream in ON_DEMAND mode scales by itself.')
  }
  return stream
}

function openShard(stream: Stream, id: string): Shard {
  const shard = stream.shard(id)
  if (!shard) {
    throw notFound(`Could not find shard ${id} in stream ${stream.name} under account ${accountId}.`)
  }
  if (!shard.open) {
    throw invalidArgument(
      `Shard ${id} in stream ${stream.name} under account ${accountId} has already been merged or split, ` +
        'and thus is not eligible for merging or splitting.',
    )
  }
  return shard
}

function touch(lower: Shard, upper: Shard): boolean {
  return lower.range.end < upper.range.start && before(upper.range.start) === lower.range.end
}

function reshard(account: Account, stream: Stream, apply: () => void): void {
  stream.status = 'UPDATING'
  account.change(() => {
    if (stream.status !== 'UPDATING') return
    apply()
    stream.status = 'ACTIVE'
  })
}
