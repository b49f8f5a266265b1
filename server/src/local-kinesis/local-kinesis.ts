import { Account } from './account.ts'
import { dispatch } from './dispatch.ts'
import type { FaultHook } from './fault.ts'
import { type Limits, resolveLimits } from './limits.ts'
import { listenOnOnePort } from './wire/one-port.ts'
import type { Shard } from './stream/shard.ts'
import { type Retention, STREAM_NAME } from './stream/stream.ts'

/** How an embedded Kinesis is to behave. Everything has a default. */
export interface LocalKinesisOptions {
  /** Default 0: any free port. */
  readonly port?: number
  /**
   * Default `127.0.0.1`: nobody outside this machine reaches it. Requests are answered when they name an address, this
   * name, `localhost` or a name without a dot; others are refused with 403, for a page in a browser may have sent them.
   */
  readonly host?: string
  /** Streams to have from the beginning, with their number of shards; active at once. */
  readonly streams?: Readonly<Record<string, number>>
  /** What shards take and give. Default AWS's quotas; `false` for none, a number or `Infinity` for one of them. */
  readonly limits?: false | Partial<Limits>
  /** What is kept: 24 hours and 256 MiB for each stream unless said otherwise. */
  readonly retention?: Partial<Retention>
  /** How long creating, deleting and resharding take, in milliseconds. Default 50; 0 is at once. */
  readonly changeMs?: number
  /** How long a SubscribeToShard lasts, in milliseconds. Default five minutes, as on AWS. */
  readonly subscriptionMs?: number
  /** Region in the ARNs. Default `us-east-1`. */
  readonly region?: string
  /** Puts in faults and delays: asked at every request, every record and every response. */
  readonly fault?: FaultHook
  /** The server's clock, epoch milliseconds. Default the real one; for tests that let hours pass. */
  readonly now?: () => number
}

/** An embedded Kinesis that runs. */
export interface LocalKinesis {
  /** As `http://127.0.0.1:4567`: the SDK's `endpoint`. */
  readonly endpoint: string
  readonly port: number
  /** What is in it and what happened to it, for tests. */
  inspect(): LocalKinesisState
  /** The records a stream holds, by shard and in their order there. */
  records(streamName: string): LocalKinesisRecord[]
  /** Stops it and breaks every connection; what it held is gone. */
  close(): Promise<void>
}

/** What an embedded Kinesis holds and has done so far. */
export interface LocalKinesisState {
  readonly streams: Readonly<Record<string, LocalKinesisStream>>
  /** Calls by operation, those refused or struck by a fault too. */
  readonly calls: Readonly<Record<string, number>>
  /** Connections taken, by protocol. */
  readonly connections: Readonly<Record<'http1' | 'http2', number>>
  /** Records refused because their shard had taken enough. */
  readonly throttledRecords: number
}

/** One stream of an embedded Kinesis. */
export interface LocalKinesisStream {
  readonly status: string
  readonly shards: readonly {
    readonly shardId: string
    readonly open: boolean
    readonly parentIds: readonly string[]
    /** Records and bytes held now. */
    readonly records: number
    readonly bytes: number
    /** Records ever stored, those dropped by retention too. */
    readonly stored: number
  }[]
}

/** One stored record. */
export interface LocalKinesisRecord {
  readonly shardId: string
  readonly sequenceNumber: string
  readonly partitionKey: string
  readonly data: Buffer
  /** Epoch milliseconds. */
  readonly arrivedAt: number
}

/**
 * Starts a Kinesis inside this process, for development and tests: the real API for the real SDK, over HTTP/1.1 and
 * HTTP/2, with AWS's limits. Any credentials will do. Rejects when an option makes no sense or the port is taken.
 */
export async function startLocalKinesis(options: LocalKinesisOptions = {}): Promise<LocalKinesis> {
  const { host = '127.0.0.1' } = options
  const account = new Account({
    region: options.region ?? 'us-east-1',
    host,
    limits: resolveLimits(options.limits),
    retention: { ageMs: 86_400_000, bytes: 256 << 20, ...options.retention },
    changeMs: options.changeMs ?? 50,
    subscriptionMs: options.subscriptionMs ?? 300_000,
    fault: options.fault,
    now: options.now ?? Date.now,
  })
  for (const [name, shardCount] of Object.entries(options.streams ?? {})) {
    checkStream(name, shardCount)
    account.createStream(name, shardCount, 'PROVISIONED').activate(shardCount, account.now())
  }

  const server = await listenOnOnePort(options.port ?? 0, host, (request, response) => {
    // A client that goes away in the middle of its request is no event.
    dispatch(account, request, response).catch(() => response.destroy())
  })

  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    port: server.port,
    inspect: () => ({
      streams: Object.fromEntries(
        [...account.streams.values()].map(({ name, status, shards }) => [
          name,
          { status, shards: shards.map(inspectShard) },
        ]),
      ),
      calls: Object.fromEntries(account.calls),
      connections: { ...server.connections },
      throttledRecords: account.throttledRecords,
    }),
    records: (streamName) => account.stream({ StreamName: streamName }).shards.flatMap(recordsOf),
    async close() {
      account.close()
      await server.close()
    },
  }
}

function checkStream(name: string, shardCount: number): void {
  if (!STREAM_NAME.test(name)) {
    throw new TypeError(
      `local Kinesis: '${name}' is no name for a stream: use letters, digits, '_', '.' and '-'`,
    )
  }
  if (!Number.isInteger(shardCount) || shardCount < 1) {
    throw new TypeError(`local Kinesis: stream '${name}' needs a whole number of shards, at least 1`)
  }
}

function inspectShard({ id, open, parentIds, log }: Shard): LocalKinesisStream['shards'][number] {
  return {
    shardId: id,
    open,
    parentIds,
    records: log.next - log.first,
    bytes: log.bytes,
    stored: log.next - 1,
  }
}

function recordsOf(shard: Shard): LocalKinesisRecord[] {
  const records: LocalKinesisRecord[] = []
  for (let place = shard.log.first; place < shard.log.next; place++) {
    const { partitionKey, data, arrivedAt } = shard.log.get(place)!
    records.push({
      shardId: shard.id,
      sequenceNumber: shard.sequenceNumber(place),
      partitionKey,
      data,
      arrivedAt,
    })
  }
  return records
}
