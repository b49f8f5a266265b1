import { type Account, rateExceeded } from '../account.ts'
import { ApiError, invalidArgument, serializationError, validationError } from '../wire/api-error.ts'
import { type HashKey, hashPartitionKey, parseHashKey } from '../stream/hash-key.ts'
import {
  hashKey,
  operation,
  type Operation,
  type RecordFault,
  sequenceNumber,
  streamAddress,
} from './operation.ts'
import type { Shard } from '../stream/shard.ts'
import type { Stream } from '../stream/stream.ts'
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
      const [result] = store(account, stream, [entry], recordFault)
      if (result instanceof ApiError) throw result
      return result
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

      const results = store(account, account.usableStream(input), entries, recordFault)
      return {
        FailedRecordCount: results.filter((result) => result instanceof ApiError).length,
        Records: results.map((result) =>
          result instanceof ApiError ? { ErrorCode: result.type, ErrorMessage: result.message } : result,
        ),
      }
    },
  ),
}

interface Entry {
  readonly partitionKey: string
  readonly hashKey: HashKey
  readonly data: Buffer
  readonly bytes: number
}

interface Stored {
  readonly SequenceNumber: string
  readonly ShardId: string
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

/** Stores what its shards take, and says of each entry where it went or why it did not. */
function store(
  account: Account,
  stream: Stream,
  entries: readonly Entry[],
  recordFault: RecordFault,
): (Stored | ApiError)[] {
  const now = account.now()
  const touched = new Set<Shard>()
  const results = entries.map(({ hashKey, partitionKey, data, bytes }, i) => {
    const shard = stream.shardFor(hashKey)
    const fault = recordFault(i, shard.id)
    if (fault) return fault
    if (!shard.admit(bytes, now)) {
      account.throttledRecords++
      return rateExceeded(shard.id, stream.name)
    }
    touched.add(shard)
    return { SequenceNumber: shard.append(partitionKey, data, bytes, now), ShardId: shard.id }
  })
  stream.trim(now)
  for (const shard of touched) shard.notify()
  return results
}
