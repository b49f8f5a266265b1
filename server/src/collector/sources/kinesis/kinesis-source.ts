import type { StartingPosition } from '@aws-sdk/client-kinesis'
import { type KinesisClientOptions, withRemedy } from '../../../../../src/kinesis/sdk.ts'
import { describe } from '../../../log.ts'
import { type KinesisApi, type ListedShard, openKinesis, remedyFor } from './kinesis-api.ts'
import { backoff, pause } from './pause.ts'
import { ShardLineage } from './shard-lineage.ts'
import { readShard, type ShardEnd, type ShardProgress } from './shard-reader.ts'

/** Where to begin: with the oldest record kept, with what comes from now on, or at a time. */
type Start = 'trim-horizon' | 'latest' | Date

export interface KinesisSourceOptions extends KinesisClientOptions {
  readonly streamName: string
  /** Where to begin: `trim-horizon` is the oldest record kept, `latest` what comes from now on. Default `trim-horizon`. */
  readonly from?: Start | undefined
  /** Stop when every shard is read up to now. Default false. */
  readonly once?: boolean | undefined
  /** Whether to wait for a stream that is not there or cannot be reached. With `false`, `run` rejects. Default true. */
  readonly wait?: boolean | undefined
  /** How long to wait before the next look at a shard that had nothing new, in milliseconds. Default 1000. */
  readonly pollMs?: number | undefined
  /** Called with one line when the stream has to be waited for, and when it is there. */
  readonly onNote?: ((line: string) => void) | undefined
}

export interface KinesisSourceStats {
  /** Shards being read. */
  readonly shards: number
  readonly records: number
  readonly bytes: number
  readonly throttled: number
  /** The most that any shard being read is behind, in milliseconds; undefined until each has answered once. */
  readonly behindMs: number | undefined
}

/**
 * Reads all shards of a Kinesis stream, and those that resharding makes, each after its parents. Delivers each record
 * at least once. Keeps no checkpoint: an option says where to begin. Reads no faster than records are accepted.
 */
export class KinesisSource {
  readonly #options: KinesisSourceOptions
  readonly #accept: (record: Uint8Array) => void | Promise<void>
  readonly #reading = new Map<string, ShardProgress>()
  #past = { records: 0, bytes: 0, throttled: 0 }

  /** `accept` takes one record's bytes. The next record of the same shard waits for the promise that it returns. */
  constructor(options: KinesisSourceOptions, accept: (record: Uint8Array) => void | Promise<void>) {
    this.#options = options
    this.#accept = accept
  }

  stats(): KinesisSourceStats {
    const reading = [...this.#reading.values()]
    let { records, bytes, throttled } = this.#past
    let behindMs: number | undefined = reading.length ? 0 : undefined
    for (const progress of reading) {
      records += progress.records
      bytes += progress.bytes
      throttled += progress.throttled
      if (progress.behindMs === undefined || behindMs === undefined) behindMs = undefined
      else behindMs = Math.max(behindMs, progress.behindMs)
    }
    return { shards: reading.length, records, bytes, throttled, behindMs }
  }

  /**
   * Reads until the signal aborts or, with `once`, until caught up. Rejects with one line when the SDK is missing,
   * when access is refused at the start, or, with `wait: false`, when the stream is not there.
   */
  async run(signal: AbortSignal): Promise<void> {
    const api = await openKinesis(this.#options.streamName, this.#options)
    // Also stops the other shards when one cannot be read.
    const stop = new AbortController()
    const abort = (): void => stop.abort()
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    try {
      let isGone = await this.#readStream(api, this.#options.from ?? 'trim-horizon', stop.signal)
      // A stream made anew under the name is read from its beginning.
      while (isGone && !signal.aborted) isGone = await this.#readStream(api, 'trim-horizon', stop.signal)
    } finally {
      signal.removeEventListener('abort', abort)
      abort()
      api.close()
    }
  }

  /** Reads the stream as long as it is there; returns whether it went away. */
  async #readStream(api: KinesisApi, asked: Start, signal: AbortSignal): Promise<boolean> {
    const { shards, waited } = await this.#listShards(api, signal)
    // Everything in a stream that was waited for is newer than the start.
    const from = waited ? 'trim-horizon' : asked
    const listed = new Set(shards.map(({ shardId }) => shardId))
    const lineage = new ShardLineage()
    lineage.add(shards)
    if (from === 'latest') for (const { shardId, isOpen } of shards) if (!isOpen) lineage.finish(shardId)

    const running = new Map<string, Promise<void>>()
    let isGone = false
    const read = async (shardId: string): Promise<void> => {
      const end = await this.#readShard(api, shardId, listed.has(shardId) ? from : 'trim-horizon', signal)
      if (end.why === 'missing') isGone = true
      if (end.why === 'end') {
        lineage.finish(shardId)
        if (end.children.length > 0) {
          lineage.add(end.children)
        } else {
          const relisted = await this.#listShards(api, signal)
          lineage.add(relisted.shards)
          if (relisted.waited) isGone = true
        }
      }
      running.delete(shardId)
    }
    for (;;) {
      for (const shardId of lineage.takeReady()) running.set(shardId, read(shardId))
      if (running.size === 0 || isGone) break
      await Promise.race(running.values())
    }
    await Promise.all(running.values())
    return isGone
  }

  async #readShard(api: KinesisApi, shardId: string, from: Start, signal: AbortSignal): Promise<ShardEnd> {
    const { streamName, pollMs = 1000, once = false } = this.#options
    const progress: ShardProgress = { records: 0, bytes: 0, throttled: 0, behindMs: undefined }
    this.#reading.set(shardId, progress)
    const reading = { shardId, start: startingPosition(from), pollMs, once, progress, accept: this.#accept }
    try {
      return await readShard(api, reading, signal)
    } catch (error) {
      throw oneLine(`cannot read stream ${streamName}`, error)
    } finally {
      this.#reading.delete(shardId)
      this.#past.records += progress.records
      this.#past.bytes += progress.bytes
      this.#past.throttled += progress.throttled
    }
  }

  async #listShards(
    api: KinesisApi,
    signal: AbortSignal,
  ): Promise<{ shards: ListedShard[]; waited: boolean }> {
    const { streamName, endpoint, wait = true, onNote } = this.#options
    const where = endpoint === undefined ? '' : ` at ${endpoint}`
    let waited = false
    for (let failures = 0; !signal.aborted; failures++) {
      let problem: Error
      try {
        const shards = await api.listShards(signal)
        if (failures > 0) onNote?.(`stream ${streamName}${where} is there`)
        return { shards, waited }
      } catch (error) {
        if (signal.aborted) break
        const remedy = remedyFor(error)
        if (remedy === 'none') throw oneLine(`cannot read stream ${streamName}${where}`, error)
        const isMissing = remedy === 'stream is missing'
        waited ||= isMissing
        problem = isMissing
          ? new Error(`there is no stream ${streamName}${where}`, { cause: error })
          : oneLine(`cannot reach stream ${streamName}${where}`, error)
        if (!wait && remedy !== 'slow down') throw problem
      }
      if (failures === 0) onNote?.(`${problem.message}; waiting for it`)
      await pause(500 + backoff(failures), signal)
    }
    return { shards: [], waited: false }
  }
}

function startingPosition(from: Start): StartingPosition {
  if (from === 'latest') return { Type: 'LATEST' }
  return from === 'trim-horizon' ? { Type: 'TRIM_HORIZON' } : { Type: 'AT_TIMESTAMP', Timestamp: from }
}

function oneLine(what: string, error: unknown): Error {
  const { name } = error as Partial<Error>
  const said = withRemedy(describe(error))
  return new Error(`${what}: ${name && name !== 'Error' ? `${name}: ` : ''}${said}`, { cause: error })
}
