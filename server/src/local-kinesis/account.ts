import { ApiError, inUse, invalidArgument, limitExceeded, notFound } from './wire/api-error.ts'
import type { FaultHook } from './fault.ts'
import type { Limits } from './limits.ts'
import { type Retention, Stream } from './stream/stream.ts'

/** How a local Kinesis behaves, every choice made. */
export interface Settings {
  readonly region: string
  /** The address or name that the server listens on. */
  readonly host: string
  readonly limits: Limits
  readonly retention: Retention
  /** How long streams, shards and consumers take to change; 0 is at once. */
  readonly changeMs: number
  readonly subscriptionMs: number
  readonly fault: FaultHook | undefined
  readonly now: () => number
}

/** What a request names a stream by. */
export interface StreamAddress {
  readonly StreamName?: string | undefined
  readonly StreamARN?: string | undefined
}

/** The account number in every ARN. */
export const accountId = '000000000000'

/** The error for a shard that has given or taken as much as it may for now. */
export function rateExceeded(shardId: string, streamName: string): ApiError {
  return new ApiError(
    'ProvisionedThroughputExceededException',
    `Rate exceeded for shard ${shardId} in stream ${streamName} under account ${accountId}.`,
  )
}

/** All streams of one local Kinesis. */
export class Account {
  readonly settings: Settings
  readonly streams: Map<string, Stream> = new Map()
  /** Calls answered so far, by operation. */
  readonly calls: Map<string, number> = new Map()
  /** Records refused because their shard had taken enough. */
  throttledRecords = 0
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(settings: Settings) {
    this.settings = settings
  }

  now(): number {
    return this.settings.now()
  }

  /** Makes a stream that becomes active later. */
  createStream(name: string, shardCount: number, mode: string): Stream {
    if (this.streams.has(name)) throw inUse(`Stream ${name} under account ${accountId} already exists.`)
    this.checkShards(shardCount)
    const stream = new Stream({
      name,
      arn: `arn:aws:kinesis:${this.settings.region}:${accountId}:stream/${name}`,
      mode,
      limits: this.settings.limits,
      retention: this.settings.retention,
      now: this.now(),
    })
    this.streams.set(name, stream)
    return stream
  }

  /** Open shards in all streams together. */
  get openShards(): number {
    let open = 0
    for (const stream of this.streams.values()) open += stream.openShards.length
    return open
  }

  /** Throws AWS's error when `more` open shards would be more than the account may have. */
  checkShards(more: number): void {
    const open = this.openShards
    const limit = this.settings.limits.shards
    if (open + more > limit) {
      throw limitExceeded(
        `This request would exceed the shard limit for the account ${accountId} in ${this.settings.region}. ` +
          `Current shard count for the account: ${open}. Limit: ${limit}. ` +
          `Number of additional shards that would have resulted from this request: ${more}. ` +
          'Refer to the AWS Service Limits page ' +
          '(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) ' +
          'for current limits and how to request higher limits.',
      )
    }
  }

  /** The stream a request names, by name, by ARN or by both; undefined when there is none. */
  find(address: StreamAddress): Stream | undefined {
    const stream = this.streams.get(this.streamName(address))
    const { StreamARN: arn } = address
    return arn === undefined || stream?.arn === arn ? stream : undefined
  }

  /** The stream a request names. Throws AWS's error when there is none. */
  stream(address: StreamAddress): Stream {
    const stream = this.find(address)
    if (!stream) throw notFound(`Stream ${this.streamName(address)} under account ${accountId} not found.`)
    return stream
  }

  /** The stream a request names, to write records to or read them from. Throws AWS's error when it does neither. */
  usableStream(address: StreamAddress): Stream {
    const stream = this.stream(address)
    if (!stream.usable) throw notFound(`Stream ${stream.name} under account ${accountId} not found.`)
    return stream
  }

  /** The name of the stream in a request, which gives it as it is or in an ARN. */
  streamName({ StreamName: name, StreamARN: arn }: StreamAddress): string {
    const named = arn === undefined ? name : /:stream\/([^/]+)/.exec(arn)?.[1]
    if (name === undefined && arn === undefined) {
      throw invalidArgument('Neither StreamName nor StreamARN was provided.')
    }
    if (named === undefined) throw invalidArgument(`StreamARN ${arn} is not the ARN of a stream.`)
    if (name !== undefined && name !== named) {
      throw invalidArgument(`StreamName ${name} and StreamARN ${arn} do not name the same stream.`)
    }
    return named
  }

  /** Throws AWS's error for a stream that is still busy with its last change. */
  checkActive(stream: Stream): void {
    if (stream.status === 'ACTIVE') return
    throw inUse(
      `Stream ${stream.name} under account ${accountId} not ACTIVE, instead in state ${stream.status}`,
    )
  }

  /** Applies a change after `changeMs`, unless the server is closed before. */
  change(apply: () => void): void {
    if (this.settings.changeMs === 0) {
      apply()
      return
    }
    this.after(this.settings.changeMs, apply)
  }

  /** A timer that does not keep the process alive and ends with the server; returns how to cancel it. */
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    timer.unref()
    this.#timers.add(timer)
    return () => {
      clearTimeout(timer)
      this.#timers.delete(timer)
    }
  }

  /** Stops all timers and forgets all streams. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.streams.clear()
  }
}
