import { accountId } from '../account.ts'
import { invalidArgument } from '../wire/api-error.ts'
import type { Shard } from './shard.ts'
import type { Stream } from './stream.ts'

/** The five ways to say where reading begins. */
export const positionTypes: readonly string[] = [
  'AT_SEQUENCE_NUMBER',
  'AFTER_SEQUENCE_NUMBER',
  'TRIM_HORIZON',
  'LATEST',
  'AT_TIMESTAMP',
]

/** Where reading begins, as GetShardIterator and SubscribeToShard put it. */
export interface Position {
  readonly type: string
  readonly sequenceNumber: string | undefined
  /** Epoch seconds. */
  readonly timestamp: number | undefined
}

/** The place in the shard's log that a position stands for. */
export function placeOf(position: Position, shard: Shard, stream: Stream, now: number): number {
  const { type, sequenceNumber, timestamp } = position
  if (type === 'AT_TIMESTAMP') {
    if (timestamp === undefined) {
      throw invalidArgument(
        'Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. ' +
          'Current request has no timestamp parameter.',
      )
    }
    const time = Math.round(timestamp * 1000)
    if (time > now) {
      throw invalidArgument(
        'The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. ' +
          `timestampInMillis: ${time}, currentTimestampInMillis: ${now}`,
      )
    }
    return shard.log.firstSince(time)
  }

  const bySequence = type === 'AT_SEQUENCE_NUMBER' || type === 'AFTER_SEQUENCE_NUMBER'
  if (bySequence !== (sequenceNumber !== undefined)) {
    throw invalidArgument(
      'Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or ' +
        '(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. ' +
        `Request specified ${type} and ${bySequence ? 'no' : 'also a'} StartingSequenceNumber.`,
    )
  }
  if (sequenceNumber === undefined) return type === 'LATEST' ? shard.log.next : shard.log.first

  const place = shard.placeOf(sequenceNumber)
  if (place === undefined) {
    throw invalidArgument(
      `StartingSequenceNumber ${sequenceNumber} used in GetShardIterator on shard ${shard.id} in stream ` +
        `${stream.name} under account ${accountId} is invalid.`,
    )
  }
  return type === 'AFTER_SEQUENCE_NUMBER' ? place + 1 : place
}
