import { type Account, accountId } from './account.ts'
import { invalidArgument, serializationError, throughputExceeded, validationError } from './api-error.ts'
import { type HashKey, hashPartitionKey, parseHashKey } from './hash-key.ts'
import { hashKey, operation, type Operation, sequenceNumber, streamAddress } from './operation.ts'
import type { Shard } from './shard.ts'
import type { Stream } from './stream.ts'
import { blob, broken, list, required, structure, text } from './validation.ts'

const record = {
  Data: required(blob()),
  PartitionKey: required(text({ min: 1, max: 256 })),
  ExplicitHashKey: hashKey(),
}

/** Writing records. */
export const putOperations: Record<string, Operation> = {
  PutRecord: operation(
    { ...streamAddress, ...record, SequenceNumberForOrdering: sequenceNumber() },
    (account, input, recordFault) => {
      const entry = readEntry(input, 'data', account)
      const stream = account.usableStream(input)
      const shard = stream.shardFor(entry.hashKey)
      const fault = recordFault(0, shard.id)
      if (fault) throw fault

      const now = account.now()
      if (!shard.admit(entry.bytes, now)) {
        account.throttledRecords++
        throw throughputExceeded(rateExceeded(shard, stream))
      }
      const sequenceNumber = shard.append(entry.partitionKey, entry.data, entry.bytes, now)
      settle(stream, [shard], now)
      return { ShardId: shard.id, SequenceNumber: sequenceNumber }
    },
  ),

  PutRecords: operation(
    { ...streamAddress, Records: required(list(required(structure(record)), 1, Infinity)) },
    (account, input, recordFault) => {
      const { callRecords, callBytes } = account.settings.limits
      const { Records: records } = input
      if (records.length > callRecords) {
        throw validationError([
          broken('records', `Member must have length less than or equal to ${callRecords}`),
        ])
      }
      const entries = records.map((each, i) => readEntry(each, `records.${i + 1}.member.data`, account))
      if (entries.reduce((sum, { bytes }) => sum + bytes, 0) > callBytes) {
        throw invalidArgument(`Records size exceeds ${callBytes / (1 << 20)} MB limit`)
      }

      const stream = account.usableStream(input)
      const now = account.now()
      const touched = new Set<Shard>()
      let failed = 0
      const results = entries.map((entry, i) => {
        const shard = stream.shardFor(entry.hashKey)
        const fault = recordFault(i, shard.id)
        if (fault) {
          failed++
          return { ErrorCode: fault.type, ErrorMessage: fault.message }
        }
        if (!shard.admit(entry.bytes, now)) {
          failed++
          account.throttledRecords++
          return {
            ErrorCode: 'ProvisionedThroughputExceededException',
            ErrorMessage: rateExceeded(shard, stream),
          }
        }
        touched.add(shard)
        return {
          SequenceNumber: shard.append(entry.partitionKey, entry.data, entry.bytes, now),
          ShardId: shard.id,
        }
      })
      settle(stream, touched, now)
      return { FailedRecordCount: failed, Records: results }
    },
  ),
}

interface Entry {
  readonly partitionKey: string
  readonly hashKey: HashKey
  readonly data: Buffer
  readonly bytes: number
}

function readEntry(
  input: {
    readonly Data: string
    readonly PartitionKey: string
    readonly ExplicitHashKey?: string | undefined
  },
  path: string,
  account: Account,
): Entry {
  const { Data: base64, PartitionKey: partitionKey, ExplicitHashKey: explicit } = input
  const data = Buffer.from(base64, 'base64')
  // Buffer skips what is no base64, so a text that is not wholly base64 comes out too short.
  if (base64.length % 4 !== 0 || data.length !== decodedLength(base64)) {
    throw serializationError(`The value at '${path}' can not be converted to a Blob: it is not base64.`)
  }
  const { recordBytes } = account.settings.limits
  const bytes = data.length + Buffer.byteLength(partitionKey)
  if (bytes > recordBytes) {
    throw validationError([
      broken(path, `Member must have length less than or equal to ${recordBytes}, partition key included`),
    ])
  }
  const hashKey = explicit === undefined ? hashPartitionKey(partitionKey) : parseHashKey(explicit)
  if (hashKey === undefined) {
    throw invalidArgument(
      'Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. ' +
        `Specified value was ${explicit}`,
    )
  }
  return { partitionKey, hashKey, data, bytes }
}

function decodedLength(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  return (base64.length / 4) * 3 - padding
}

function settle(stream: Stream, shards: Iterable<Shard>, now: number): void {
  stream.trim(now)
  for (const shard of shards) shard.notify()
}

function rateExceeded(shard: Shard, stream: Stream): string {
  return `Rate exceeded for shard ${shard.id} in stream ${stream.name} under account ${accountId}.`
}
