import { type Account, accountId, rateExceeded } from '../account.ts'
import { ApiError, invalidArgument, notFound } from '../wire/api-error.ts'
import { name, operation, type Operation, sequenceNumber, streamAddress } from './operation.ts'
import { decodeToken, encodeToken } from './paging.ts'
import { readPage } from '../stream/read-page.ts'
import type { Shard } from '../stream/shard.ts'
import { placeOf, positionTypes } from '../stream/shard-position.ts'
import type { Stream } from '../stream/stream.ts'
import { integer, required, text, timestamp } from './validation.ts'

const iteratorLifetimeMs = 300_000

/** Reading records by polling. */
export const readOperations: Record<string, Operation> = {
  GetShardIterator: operation(
    {
      ...streamAddress,
      ShardId: required(name()),
      ShardIteratorType: required(text({ oneOf: positionTypes })),
      StartingSequenceNumber: sequenceNumber(),
      Timestamp: timestamp(),
    },
    (account, input) => {
      const { stream, shard } = findShard(account.find(input), account.streamName(input), input.ShardId)
      stream.trim(account.now())
      const position = {
        type: input.ShardIteratorType,
        sequenceNumber: input.StartingSequenceNumber,
        timestamp: input.Timestamp,
      }
      return {
        ShardIterator: iterator(stream, shard, placeOf(position, shard, stream, account.now()), account),
      }
    },
  ),

  GetRecords: operation(
    {
      ShardIterator: required(text({ min: 1, max: 512 })),
      Limit: integer({ min: 1, max: 10_000 }),
      StreamARN: streamAddress.StreamARN,
    },
    (account, input) => {
      const now = account.now()
      const { stream, shard, place } = readIterator(input.ShardIterator, account)
      if (input.StreamARN !== undefined && input.StreamARN !== stream.arn) {
        throw invalidArgument('The StreamARN is not that of the stream the ShardIterator belongs to.')
      }
      if (!shard.reads.has(1, now) || !shard.readBytes.has(0, now)) {
        throw rateExceeded(shard.id, stream.name)
      }
      stream.trim(now)
      const { readRecords, readBytes } = account.settings.limits
      const page = readPage(shard, place, Math.min(input.Limit ?? Infinity, readRecords), readBytes)
      shard.reads.take(1)
      shard.readBytes.take(page.bytes)
      const ended = shard.endsAt(page.next)
      return {
        Records: page.records,
        NextShardIterator: ended ? undefined : iterator(stream, shard, page.next, account),
        MillisBehindLatest: shard.behind(page.next, now),
        ChildShards: ended ? shard.describeChildren() : undefined,
      }
    },
  ),
}

/** A shard by its ID, with its stream, or AWS's words for one that is not there. */
export function findShard(
  stream: Stream | undefined,
  streamName: string,
  shardId: string,
): { stream: Stream; shard: Shard } {
  const shard = stream?.shard(shardId)
  if (!stream || !shard) {
    throw notFound(`Shard ${shardId} in stream ${streamName} under account ${accountId} does not exist`)
  }
  return { stream, shard }
}

function iterator(stream: Stream, shard: Shard, place: number, account: Account): string {
  return encodeToken([account.now(), stream.name, stream.createdAt, shard.id, place])
}

function readIterator(token: string, account: Account): { stream: Stream; shard: Shard; place: number } {
  const [issuedAt, streamName, createdAt, shardId, place] = decodeToken(token) ?? []
  if (
    typeof issuedAt !== 'number' ||
    typeof streamName !== 'string' ||
    typeof shardId !== 'string' ||
    typeof place !== 'number' ||
    !Number.isSafeInteger(place)
  ) {
    throw invalidArgument('Invalid ShardIterator.')
  }
  const now = account.now()
  if (now - issuedAt > iteratorLifetimeMs) {
    throw new ApiError(
      'ExpiredIteratorException',
      `Iterator expired. The iterator was created at time ${utc(issuedAt)} while right now it is ${utc(now)} ` +
        `which is further in the future than the tolerated delay of ${iteratorLifetimeMs} milliseconds.`,
    )
  }
  const named = account.streams.get(streamName)
  const found = findShard(named?.createdAt === createdAt ? named : undefined, streamName, shardId)
  return { ...found, place }
}

function utc(time: number): string {
  return new Date(time).toUTCString().replace('GMT', 'UTC')
}
