/** A shard and the shards that it was split or merged from. */
export interface ShardFamily {
  readonly shardId: string
  readonly parentIds: readonly string[]
}

/**
 * In what order the shards of a stream are read: a shard after the shards it came from, so that what one key wrote
 * is read in its order. Parents no longer kept by the stream count as read.
 */
export class ShardLineage {
  readonly #waiting = new Map<string, ShardFamily>()
  readonly #known = new Set<string>()
  readonly #finished = new Set<string>()

  add(shards: readonly ShardFamily[]): void {
    for (const shard of shards) {
      if (this.#known.has(shard.shardId)) continue
      this.#known.add(shard.shardId)
      this.#waiting.set(shard.shardId, shard)
    }
  }

  /** Takes out the shards whose turn has come. */
  takeReady(): string[] {
    const ready: string[] = []
    for (const [shardId, { parentIds }] of this.#waiting) {
      if (parentIds.every((id) => !this.#known.has(id) || this.#finished.has(id))) ready.push(shardId)
    }
    for (const shardId of ready) this.#waiting.delete(shardId)
    return ready
  }

  /** A shard was read to its end, or is to be skipped. */
  finish(shardId: string): void {
    this.#waiting.delete(shardId)
    this.#finished.add(shardId)
  }
}
