import { formatHashKey, type HashRange } from './hash-key.ts'
import type { Limits } from '../limits.ts'
import { RecordLog } from './record-log.ts'
import { TokenBucket } from './token-bucket.ts'

/** One shard: a range of hash keys, the records that fell into it, and what it may still take and give. */
export class Shard {
  readonly id: string
  readonly range: HashRange
  /** The IDs of the shards it was made from: none, the one that was split, or the two that were merged. */
  readonly parentIds: readonly string[]
  /** The shards made from it, once it is closed. */
  readonly children: Shard[] = []
  readonly log: RecordLog = new RecordLog()
  readonly createdAt: number
  /** When it stopped taking records, epoch milliseconds; undefined while it is open. */
  closedAt: number | undefined
  readonly reads: TokenBucket
  readonly readBytes: TokenBucket
  /** Called when a record was added or the shard was closed. */
  readonly watchers: Set<() => void> = new Set()
  readonly #writes: TokenBucket
  readonly #writeBytes: TokenBucket
  readonly #sequencePrefix: string

  constructor(index: number, range: HashRange, parents: readonly Shard[], limits: Limits, now: number) {
    this.id = `shardId-${String(index).padStart(12, '0')}`
    this.range = range
    this.parentIds = parents.map((parent) => parent.id)
    this.createdAt = now
    this.#writes = new TokenBucket(limits.writeRecordsPerSecond, now)
    this.#writeBytes = new TokenBucket(limits.writeBytesPerSecond, now)
    this.reads = new TokenBucket(limits.readsPerSecond, now)
    this.readBytes = new TokenBucket(limits.readBytesPerSecond, now)
    // 56 digits that begin with 49, as AWS's do, so that they sort as text too. A child's sort after its parents'.
    this.#sequencePrefix = `49${String(now).padStart(13, '0')}${String(index).padStart(10, '0')}`
    for (const parent of parents) parent.children.push(this)
  }

  get open(): boolean {
    return this.closedAt === undefined
  }

  /** Whether there is room for one more record of so many bytes; takes the room when there is. */
  admit(bytes: number, now: number): boolean {
    if (!this.#writes.has(1, now) || !this.#writeBytes.has(bytes, now)) return false
    this.#writes.take(1)
    this.#writeBytes.take(bytes)
    return true
  }

  /** Stores a record and returns its sequence number. */
  append(partitionKey: string, data: Buffer, bytes: number, now: number): string {
    const last = this.log.get(this.log.next - 1)
    const arrivedAt = last ? Math.max(last.arrivedAt, now) : now
    return this.sequenceNumber(this.log.push({ partitionKey, data, arrivedAt, bytes }))
  }

  /** Takes no more records from now on. */
  close(now: number): void {
    this.closedAt = now
  }

  notify(): void {
    for (const watcher of this.watchers) watcher()
  }

  /** Whether a reader at `place` has read all that the shard will ever have. */
  endsAt(place: number): boolean {
    return !this.open && place >= this.log.next
  }

  /** Milliseconds from a reader at `place` to the newest record; 0 only when the reader has them all. */
  behind(place: number, now: number): number {
    const next = this.log.get(Math.max(place, this.log.first))
    return next ? Math.max(1, now - next.arrivedAt) : 0
  }

  /** The sequence number of a place in the log. */
  sequenceNumber(place: number): string {
    return this.#sequencePrefix + String(place).padStart(31, '0')
  }

  /** The place a sequence number stands for; undefined when it is not one of this shard's. */
  placeOf(sequenceNumber: string): number | undefined {
    if (sequenceNumber.length !== 56 || !sequenceNumber.startsWith(this.#sequencePrefix)) return undefined
    const place = Number(sequenceNumber.slice(this.#sequencePrefix.length))
    return place <= this.log.next ? place : undefined
  }

  /** The shard as ListShards and DescribeStream describe it. */
  describe(): object {
    return {
      ShardId: this.id,
      ParentShardId: this.parentIds[0],
      AdjacentParentShardId: this.parentIds[1],
      HashKeyRange: this.#wireRange(),
      SequenceNumberRange: {
        StartingSequenceNumber: this.sequenceNumber(0),
        EndingSequenceNumber: this.open ? undefined : this.sequenceNumber(this.log.next),
      },
    }
  }

  /** The shard's children, as GetRecords and SubscribeToShard give them at its end. */
  describeChildren(): object[] {
    return this.children.map((child) => ({
      ShardId: child.id,
      ParentShards: child.parentIds,
      HashKeyRange: child.#wireRange(),
    }))
  }

  #wireRange(): object {
    return {
      StartingHashKey: formatHashKey(this.range.start),
      EndingHashKey: formatHashKey(this.range.end),
    }
  }
}
