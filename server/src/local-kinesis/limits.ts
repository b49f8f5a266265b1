/**
 * What a stream and its shards take and give before they refuse. The defaults are AWS's quotas for a provisioned
 * stream; `Infinity` turns one off.
 */
export interface Limits {
  /** Data and partition key of one record, in bytes. 1 MiB. */
  readonly recordBytes: number
  /** Records in one PutRecords call. 500. */
  readonly callRecords: number
  /** Data and partition keys of one PutRecords call, in bytes. 10 MiB. */
  readonly callBytes: number
  /** Records written to one shard in a second. 1000. */
  readonly writeRecordsPerSecond: number
  /** Bytes written to one shard in a second, partition keys included. 1 MiB. */
  readonly writeBytesPerSecond: number
  /** GetRecords calls on one shard in a second. 5. */
  readonly readsPerSecond: number
  /** Bytes read from one shard in a second by GetRecords, and by each enhanced fan-out consumer. 2 MiB. */
  readonly readBytesPerSecond: number
  /** Records in one answer to GetRecords. 10,000. */
  readonly readRecords: number
  /** Bytes in one answer to GetRecords. 10 MiB. */
  readonly readBytes: number
  /** Open shards in all streams together. 20,000. */
  readonly shards: number
  /** Enhanced fan-out consumers of one stream. 20. */
  readonly consumers: number
}

const kinesis: Limits = {
  recordBytes: 1 << 20,
  callRecords: 500,
  callBytes: 10 << 20,
  writeRecordsPerSecond: 1000,
  writeBytesPerSecond: 1 << 20,
  readsPerSecond: 5,
  readBytesPerSecond: 2 << 20,
  readRecords: 10_000,
  readBytes: 10 << 20,
  shards: 20_000,
  consumers: 20,
}

/** The limits in force: AWS's, changed where `wanted` says so, or none at all for `false`. */
export function resolveLimits(wanted: false | Partial<Limits> | undefined): Limits {
  if (wanted === false) {
    return Object.fromEntries(Object.keys(kinesis).map((name) => [name, Infinity])) as unknown as Limits
  }
  for (const [name, value] of Object.entries(wanted ?? {})) {
    if (!(name in kinesis)) throw new TypeError(`local Kinesis: there is no limit called '${name}'`)
    if (!(Number(value) > 0)) throw new TypeError(`local Kinesis: limits.${name} must be a number above 0`)
  }
  return { ...kinesis, ...wanted }
}
