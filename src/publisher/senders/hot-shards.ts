import type { Outcome } from './sender.ts'

/** What PutRecords answers for one record. */
export interface PutResult {
  readonly ShardId?: string | undefined
  readonly ErrorCode?: string | undefined
  readonly ErrorMessage?: string | undefined
}

/** A shard that refused a record this long ago has enough. */
const REFUSED_MS = 1000
/** A shard that was not heard of for this long may be gone. */
const SEEN_MS = 5000

/**
 * Tells a stream that has enough from single shards that do. Records under random keys fall to all shards alike: when
 * most of the shards refuse, less must be sent; when a few do, the records are better tried again elsewhere, for to
 * slow down to the pace of those few would waste all others.
 */
export class HotShards {
  readonly #seenAt = new Map<string, number>()
  readonly #refusedAt = new Map<string, number>()

  /** What a refusal in this answer means; the answer counts for later ones too. */
  judge(results: readonly PutResult[], now: number): Outcome {
    let isKnown = true
    for (const { ShardId, ErrorCode, ErrorMessage } of results) {
      if (ErrorCode === undefined) {
        if (ShardId) this.#seenAt.set(ShardId, now)
      } else if (ErrorCode === 'ProvisionedThroughputExceededException') {
        // As "Rate exceeded for shard shardId-000000000001 in stream spans under account 111111111111."
        const shard = /shardId-\d+/.exec(ErrorMessage ?? '')?.[0]
        if (shard === undefined) isKnown = false
        else {
          this.#seenAt.set(shard, now)
          this.#refusedAt.set(shard, now)
        }
      }
    }
    dropBefore(this.#seenAt, now - SEEN_MS)
    dropBefore(this.#refusedAt, now - REFUSED_MS)
    return isKnown && this.#refusedAt.size * 2 <= this.#seenAt.size ? 'hot' : 'throttled'
  }
}

function dropBefore(times: Map<string, number>, before: number): void {
  for (const [shard, at] of times) if (at < before) times.delete(shard)
}
