import type { GetRecordsCommandOutput, StartingPosition } from '@aws-sdk/client-kinesis'
import { describe, warn } from '../../../log.ts'
import { type KinesisApi, remedyFor } from './kinesis-api.ts'
import { backoff, pause, settledOrAborted } from './pause.ts'
import type { ShardFamily } from './shard-lineage.ts'

/** Why a shard is read no further: it is at its `end`, `caught up`, `missing` with its stream, or told to stop. */
export type ShardEnd =
  | { readonly why: 'end'; readonly children: readonly ShardFamily[] }
  | { readonly why: 'caught up' | 'missing' | 'stopped' }

/** How far the reading of a shard has come. */
export interface ShardProgress {
  records: number
  bytes: number
  /** GetRecords calls that were refused for their rate. */
  throttled: number
  /** The stream's MillisBehindLatest; undefined before the first answer. */
  behindMs: number | undefined
}

export interface ShardReading {
  readonly shardId: string
  readonly start: StartingPosition
  /** How long to wait before the next look at a shard that had nothing new, in milliseconds. */
  readonly pollMs: number
  /** Whether to stop once nothing newer is there. */
  readonly once: boolean
  readonly progress: ShardProgress
  readonly accept: (record: Uint8Array) => void | Promise<void>
}

/** A shard gives 5 GetRecords a second, to all its readers together. */
const BETWEEN_READS_MS = 210

/**
 * Reads one shard, waiting for `accept` after each record, until it ends or the signal aborts. Rejects only when
 * nothing was ever read and no repetition will help.
 */
export async function readShard(
  api: KinesisApi,
  reading: ShardReading,
  signal: AbortSignal,
): Promise<ShardEnd> {
  const { shardId, progress } = reading
  let position = reading.start
  let iterator: string | undefined
  let failures = 0
  while (!signal.aborted) {
    const askedAt = new Date()
    const asked = performance.now()
    let answer: GetRecordsCommandOutput
    try {
      iterator ??= await api.iterator(shardId, position, signal)
      if (iterator === undefined) throw new Error('no iterator in the answer')
      answer = await api.records(iterator, signal)
      failures = 0
    } catch (error) {
      if (signal.aborted) break
      const remedy = remedyFor(error)
      if (remedy === 'stream is missing') return { why: 'missing' }
      if (remedy === 'none' && progress.behindMs === undefined) throw error
      if (remedy === 'slow down') progress.throttled++
      if (remedy === 'new iterator') iterator = undefined
      else await pause(BETWEEN_READS_MS + backoff(failures++), signal)
      if (remedy === 'retry' || remedy === 'none')
        warn('kinesis.read', `reading ${shardId}: ${describe(error)}`)
      continue
    }

    for (const { Data, SequenceNumber } of answer.Records ?? []) {
      // The taker may wait for ever. Once told to stop, the reader does not.
      await settledOrAborted(reading.accept(Data!), signal)
      progress.records++
      progress.bytes += Data!.byteLength
      position = { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber }
      if (signal.aborted) return { why: 'stopped' }
    }
    // A new iterator at the latest would skip what came since this answer.
    if (position.Type === 'LATEST') position = { Type: 'AT_TIMESTAMP', Timestamp: askedAt }
    progress.behindMs = answer.MillisBehindLatest ?? 0
    iterator = answer.NextShardIterator
    if (!iterator) return { why: 'end', children: childrenIn(answer) }
    if (progress.behindMs === 0 && reading.once) return { why: 'caught up' }
    const rest = answer.Records?.length || progress.behindMs > 0 ? BETWEEN_READS_MS : reading.pollMs
    await pause(Math.max(0, asked + rest - performance.now()), signal)
  }
  return { why: 'stopped' }
}

function childrenIn({ ChildShards }: GetRecordsCommandOutput): ShardFamily[] {
  return (ChildShards ?? []).map(({ ShardId, ParentShards }) => ({
    shardId: ShardId!,
    parentIds: ParentShards ?? [],
  }))
}
