import type { KinesisClient, KinesisClientConfig, PutRecordsCommandOutput } from '@aws-sdk/client-kinesis'
import { monotonicMs } from '../../host/clock.ts'
import { describe } from '../../host/log.ts'
import { startTimer, stopTimer } from '../../host/timers.ts'
import {
  KINESIS_CONNECT_MS,
  KINESIS_REQUEST_MS,
  type KinesisClientOptions,
  type KinesisSdk,
  loadKinesisSdk,
  newKinesisClient,
  withRemedy,
} from '../../kinesis/sdk.ts'
import { newSpanId } from '../../span/ids.ts'
import { HotShards, type PutResult } from './hot-shards.ts'
import { HttpPool, type HttpRequest } from './http-pool.ts'
import { SendError, type Outcome, type Sender, type SpanRecord } from './sender.ts'

export interface KinesisSenderOptions extends KinesisClientOptions {
  /** The stream, by name or by ARN: one of the two. */
  readonly streamName?: string | undefined
  readonly streamArn?: string | undefined
  /** A client to use as it is; `region` and `endpoint` are its own then, and it is not closed. */
  readonly client?: KinesisClient | undefined
}

/** Two payload units of 25 KB, the key included; a partition key is 16 characters here. */
const MAX_RECORD_BYTES = 51_200 - 16
/** Signing and sending more than this at once would hold up the event loop for over 5 ms. */
const MAX_CALL_BYTES = 256 << 10
const MAX_RECORDS = 500

/**
 * Puts lists of spans on a Kinesis stream, each under a random partition key, so that they spread over all
 * shards, or under its own key where it has one. Needs `@aws-sdk/client-kinesis`, which is loaded when the first
 * spans are sent; credentials come from the SDK's chain. Throws when an option is wrong.
 */
export function kinesisSender(options: KinesisSenderOptions): Sender {
  const { streamName, streamArn } = options
  if (!streamName === !streamArn) {
    throw new Error('tdist: kinesisSender needs a streamName or a streamArn, and not both')
  }
  const stream = streamName ? { StreamName: streamName } : { StreamARN: streamArn }
  let client = options.client
  const pool = client ? undefined : new HttpPool(KINESIS_CONNECT_MS, KINESIS_REQUEST_MS)
  const hotShards = new HotShards()

  async function put(records: readonly SpanRecord[]): Promise<readonly Outcome[] | void> {
    const sdk = await loadSdk()
    client ??= newKinesisClient(sdk, options, handlerOver(pool!))
    const Records = records.map(({ bytes, key }) => ({ Data: bytes, PartitionKey: key ?? newSpanId() }))
    // The user's own client may have no timeout at all.
    const abort = new AbortController()
    const timer = startTimer(() => abort.abort(), KINESIS_CONNECT_MS + KINESIS_REQUEST_MS).unref()
    let output: PutRecordsCommandOutput
    try {
      output = await client.send(new sdk.PutRecordsCommand({ ...stream, Records }), {
        abortSignal: abort.signal,
      })
    } catch (error) {
      if (isThrottling(error)) return records.map(() => 'throttled')
      throw callError(error, streamName || streamArn!)
    } finally {
      stopTimer(timer)
    }
    const results = resultsIn(output, records.length, streamName || streamArn!)
    const refusal = hotShards.judge(results, monotonicMs())
    if (!results.some(({ ErrorCode }) => ErrorCode)) return
    return results.map(({ ErrorCode }, i) => {
      const outcome = recordOutcome(ErrorCode)
      // Under a key of its own a record falls to the same shard again.
      return outcome === 'throttled' && records[i]?.key === undefined ? refusal : outcome
    })
  }

  return {
    encoding: 'proto3',
    maxRecordBytes: MAX_RECORD_BYTES,
    maxRecords: MAX_RECORDS,
    maxCallBytes: MAX_CALL_BYTES,
    // Zipkin takes two spans of the same IDs for halves of one.
    atLeastOnce: true,
    recipe: options.client ? undefined : { kind: 'kinesis', options },
    send: put,
    close: () => {
      if (options.client === undefined) client?.destroy()
    },
  }
}

async function loadSdk(): Promise<KinesisSdk> {
  try {
    return await loadKinesisSdk('tdist/kinesis')
  } catch (error) {
    throw new SendError(describe(error), 'rejected', { cause: error })
  }
}

/** The SDK's requests over our own connections, which nobody traces or intercepts. */
function handlerOver(pool: HttpPool): NonNullable<KinesisClientConfig['requestHandler']> {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request: HttpRequest, { abortSignal }: { abortSignal?: AbortSignal } = {}) => {
      // Node takes an IPv6 address without the brackets that it has in a URL.
      const hostname = request.hostname.replace(/^\[|\]$/g, '')
      const { status, headers, body } = await pool.request({ ...request, hostname }, abortSignal)
      return { response: { statusCode: status, headers: headers as Record<string, string>, body } }
    },
    destroy: () => pool.close(),
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  }
}

/**
 * One result a record: it went to a shard, or it failed. Anything else is no answer of Kinesis's, whatever its status:
 * a proxy's, perhaps.
 */
function resultsIn(
  { Records, FailedRecordCount }: PutRecordsCommandOutput,
  count: number,
  stream: string,
): PutResult[] {
  const results = Array.isArray(Records) ? Records : []
  const failed = results.filter((result) => result?.ErrorCode).length
  const stored = results.filter((result) => !result?.ErrorCode && result?.ShardId).length
  if (results.length === count && failed + stored === count && failed >= (FailedRecordCount ?? 0))
    return results
  const said = `the answer tells of ${stored} stored and ${Math.max(failed, FailedRecordCount ?? 0)} failed records, of ${count} sent`
  throw new SendError(`Kinesis stream ${stream}: ${said}; is a proxy in the way?`, 'in doubt')
}

function recordOutcome(code: string | undefined): Outcome {
  switch (code) {
    case undefined:
      return 'sent'
    case 'ProvisionedThroughputExceededException':
      return 'throttled'
    case 'InternalFailure':
      return 'failed'
    default:
      return 'rejected'
  }
}

const THROTTLED = /ThroughputExceeded|Throttl|LimitExceeded|SlowDown|TooManyRequests/
const NOT_NOW =
  /ResourceNotFound|ResourceInUse|AccessDenied|Expired|Credentials|UnrecognizedClient|Signature|Token|KMS/
const TIMED_OUT = /TimeoutError|AbortError/

function nameOf(error: unknown): string {
  const name = (error as { name?: unknown } | undefined)?.name
  return typeof name === 'string' ? name : ''
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode
}

function isThrottling(error: unknown): boolean {
  return THROTTLED.test(nameOf(error)) || statusOf(error) === 429
}

/**
 * What a whole call's failure means: see
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html#API_PutRecords_Errors
 */
function callError(error: unknown, stream: string): SendError {
  const at = `Kinesis stream ${stream}`
  if (error instanceof SendError)
    return new SendError(`${at}: ${error.message}`, error.outcome, { cause: error })
  const name = nameOf(error)
  const status = statusOf(error)
  const message = `${at}: ${name === 'Error' ? '' : `${name}: `}${withRemedy(describe(error))}`
  const isClientFault = status !== undefined && status >= 400 && status < 500
  let outcome: SendError['outcome'] = 'failed'
  if (TIMED_OUT.test(name)) outcome = 'in doubt'
  else if (status === 200) outcome = 'in doubt'
  else if (isClientFault && status !== 401 && status !== 403 && !NOT_NOW.test(name)) outcome = 'rejected'
  return new SendError(message, outcome, { cause: error })
}
