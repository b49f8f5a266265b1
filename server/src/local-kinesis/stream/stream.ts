import type { Consumer } from './consumer.ts'
import { before, evenStarts, type HashKey, lastHashKey } from './hash-key.ts'
import type { Limits } from '../limits.ts'
import { Shard } from './shard.ts'

/** What AWS takes for the name of a stream. */
export const STREAM_NAME: RegExp = /^[a-zA-Z0-9_.-]{1,128}$/

/** How long and how much a stream keeps. */
export interface Retention {
  /** Records older than this are dropped, in milliseconds. */
  readonly ageMs: number
  /** The oldest records are dropped above so many bytes in all shards of the stream. */
  readonly bytes: number
}

/** `ACTIVE` streams do everything, `UPDATING` ones all but change again; the others hold nothing that can be read. */
export type StreamStatus = 'CREATING' | 'ACTIVE' | 'UPDATING' | 'DELETING'

/** A stream: shards that together cover the whole space of hash keys, and those they came from. */
export class Stream {
  readonly name: string
  readonly arn: string
  readonly mode: string
  readonly createdAt: number
  status: StreamStatus = 'CREATING'
  /** All that can still be read, closed ones too, in the order they were made. */
  shards: Shard[] = []
  readonly consumers: Map<string, Consumer> = new Map()
  tags: Map<string, string> = new Map()
  readonly retention: Retention
  readonly #limits: Limits
  #open: Shard[] = []
  #made = 0

  constructor(about: {
    name: string
    arn: string
    mode: string
    limits: Limits
    retention: Retention
    now: number
  }) {
    this.name = about.name
    this.arn = about.arn
    this.mode = about.mode
    this.createdAt = about.now
    this.retention = about.retention
    this.#limits = about.limits
  }

  /** Shards that take records, in the order of their hash keys. */
  get openShards(): readonly Shard[] {
    return this.#open
  }

  /** Whether records can be written and read. */
  get usable(): boolean {
    return this.status === 'ACTIVE' || this.status === 'UPDATING'
  }

  /** Makes the first shards, equal parts of the space, and begins. */
  activate(shardCount: number, now: number): void {
    const starts = evenStarts(shardCount)
    for (const [i, start] of starts.entries()) this.#make(start, endBefore(starts[i + 1]), [], now)
    this.status = 'ACTIVE'
  }

  shard(id: string): Shard | undefined {
    return this.shards.find((shard) => shard.id === id)
  }

  /** The open shard a hash key belongs to. */
  shardFor(key: HashKey): Shard {
    let low = 0
    let high = this.#open.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#open[middle]!.range.start <= key) low = middle
      else high = middle - 1
    }
    return this.#open[low]!
  }

  /** Closes a shard and makes two of it, the upper of which begins at `at`. */
  split(shard: Shard, at: HashKey, now: number): void {
    this.#close(shard, now)
    this.#make(shard.range.start, before(at), [shard], now)
    this.#make(at, shard.range.end, [shard], now)
    shard.notify()
  }

  /** Closes two neighbours and makes one of them. */
  merge(shard: Shard, neighbour: Shard, now: number): void {
    const [lower, upper] = shard.range.start < neighbour.range.start ? [shard, neighbour] : [neighbour, shard]
    this.#close(lower, now)
    this.#close(upper, now)
    this.#make(lower.range.start, upper.range.end, [shard, neighbour], now)
    shard.notify()
    neighbour.notify()
  }

  /**
   * Splits and merges until there are `count` equal shards. As on AWS, shards may come out that are closed again
   * at once, so that no shard ever has more than two parents.
   */
  rescale(count: number, now: number): void {
    const starts = new Set(evenStarts(count))
    for (const start of starts) {
      const shard = this.shardFor(start)
      if (shard.range.start !== start) this.split(shard, start, now)
    }
    for (let i = 1; i < this.#open.length;) {
      const shard = this.#open[i]!
      if (starts.has(shard.range.start)) i++
      else this.merge(this.#open[i - 1]!, shard, now)
    }
  }

  /** Drops what is past its retention, records and closed shards both. */
  trim(now: number): void {
    const oldest = now - this.retention.ageMs
    let bytes = 0
    for (const { log } of this.shards) {
      while ((log.get(log.first)?.arrivedAt ?? Infinity) < oldest) log.dropFirst()
      bytes += log.bytes
    }
    while (bytes > this.retention.bytes) {
      const { log } = this.shards.reduce((a, b) => (headAge(b) < headAge(a) ? b : a))
      bytes -= log.get(log.first)!.bytes
      log.dropFirst()
    }
    if (this.shards.some((shard) => (shard.closedAt ?? Infinity) < oldest)) {
      this.shards = this.shards.filter((shard) => (shard.closedAt ?? Infinity) >= oldest)
    }
  }

  #make(start: HashKey, end: HashKey, parents: readonly Shard[], now: number): void {
    const shard = new Shard(this.#made++, { start, end }, parents, this.#limits, now)
    this.shards.push(shard)
    this.#open.push(shard)
    this.#open.sort((a, b) => (a.range.start < b.range.start ? -1 : 1))
  }

  #close(shard: Shard, now: number): void {
    shard.close(now)
    this.#open = this.#open.filter((other) => other !== shard)
  }
}

function headAge(shard: Shard): number {
  return shard.log.get(shard.log.first)?.arrivedAt ?? Infinity
}

function endBefore(next: HashKey | undefined): HashKey {
  return next === undefined ? lastHashKey : before(next)
}
