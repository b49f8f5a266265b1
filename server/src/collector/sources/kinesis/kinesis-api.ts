import type { GetRecordsCommandOutput, KinesisClient, StartingPosition } from '@aws-sdk/client-kinesis'
import type { KinesisClientOptions, KinesisSdk } from '../../../../../src/kinesis/sdk.ts'
import { openClient } from './kinesis-client.ts'
import type { ShardFamily } from './shard-lineage.ts'

/** A shard as the stream lists it. */
export interface ListedShard extends ShardFamily {
  readonly isOpen: boolean
}

/** The three calls that are needed to read a stream. They reject with the SDK's own errors. */
export interface KinesisApi {
  listShards(signal: AbortSignal): Promise<ListedShard[]>
  iterator(shardId: string, position: StartingPosition, signal: AbortSignal): Promise<string | undefined>
  records(iterator: string, signal: AbortSignal): Promise<GetRecordsCommandOutput>
  close(): void
}

/** Loads the SDK and makes a client for one stream. Rejects with one line when the SDK is not installed. */
export async function openKinesis(streamName: string, options: KinesisClientOptions): Promise<KinesisApi> {
  const { sdk, client } = await openClient(options)
  return {
    listShards: (signal) => listShards(sdk, client, streamName, signal),
    async iterator(shardId, { Type, SequenceNumber, Timestamp }, signal) {
      const command = new sdk.GetShardIteratorCommand({
        StreamName: streamName,
        ShardId: shardId,
        ShardIteratorType: Type,
        ...(SequenceNumber === undefined ? {} : { StartingSequenceNumber: SequenceNumber }),
        ...(Timestamp === undefined ? {} : { Timestamp }),
      })
      return (await client.send(command, { abortSignal: signal })).ShardIterator
    },
    records: (iterator, signal) =>
      client.send(new sdk.GetRecordsCommand({ ShardIterator: iterator }), { abortSignal: signal }),
    close: () => client.destroy(),
  }
}

async function listShards(
  sdk: KinesisSdk,
  client: KinesisClient,
  streamName: string,
  signal: AbortSignal,
): Promise<ListedShard[]> {
  const shards: ListedShard[] = []
  let next: string | undefined
  do {
    const input = next === undefined ? { StreamName: streamName } : { NextToken: next }
    const page = await client.send(new sdk.ListShardsCommand(input), { abortSignal: signal })
    for (const { ShardId, ParentShardId, AdjacentParentShardId, SequenceNumberRange } of page.Shards ?? []) {
      shards.push({
        shardId: ShardId!,
        parentIds: [ParentShardId, AdjacentParentShardId].filter((id) => id !== undefined),
        isOpen: SequenceNumberRange?.EndingSequenceNumber === undefined,
      })
    }
    next = page.NextToken
  } while (next !== undefined)
  return shards
}

/** What to do about an error of the SDK: try again, ask less often, take a new iterator, wait for the stream, or give up. */
export type Remedy = 'retry' | 'slow down' | 'new iterator' | 'stream is missing' | 'none'

/** Sorts the SDK's errors: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html#API_GetRecords_Errors */
export function remedyFor(error: unknown): Remedy {
  const { name = '', message = '' } = error as Partial<Error>
  if (/^(ProvisionedThroughputExceeded|LimitExceeded|KMSThrottling|Throttling)/.test(name)) return 'slow down'
  if (name.startsWith('ExpiredIterator')) return 'new iterator'
  if (name.startsWith('ResourceNotFound')) return 'stream is missing'
  if (FATAL.test(name) || message.startsWith('Region ')) return 'none'
  return 'retry'
}

const FATAL =
  /^(AccessDenied|UnrecognizedClient|InvalidSignature|IncompleteSignature|InvalidClientTokenId|CredentialsProvider|MissingAuthenticationToken|Validation|InvalidArgument|KMSAccessDenied|UnknownEndpoint)/
