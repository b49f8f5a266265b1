import type { TestContext } from 'node:test'
import { Kinesis, type KinesisClientConfig } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import {
  type LocalKinesis,
  type LocalKinesisOptions,
  startLocalKinesis,
} from '#server/local-kinesis/local-kinesis.js'

/** The real SDK, with its default handler (HTTP/2) unless told otherwise, and no retries to hide anything. */
export function clientFor(endpoint: string, config: KinesisClientConfig = {}): Kinesis {
  const credentials = { accessKeyId: 'any', secretAccessKey: 'thing' }
  return new Kinesis({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1, ...config })
}

/** The SDK over HTTP/1.1. */
export function http1ClientFor(endpoint: string): Kinesis {
  return clientFor(endpoint, { requestHandler: new NodeHttpHandler() })
}

/** A local Kinesis with a client; both end with the test. */
export async function start(
  t: TestContext,
  options?: LocalKinesisOptions,
): Promise<{ kinesis: LocalKinesis; client: Kinesis }> {
  const kinesis = await startLocalKinesis(options)
  const client = http1ClientFor(kinesis.endpoint)
  t.after(async () => {
    client.destroy()
    await kinesis.close()
  })
  return { kinesis, client }
}

/** Resolves when a stream has done with its change. */
export async function untilActive(client: Kinesis, streamName: string): Promise<void> {
  for (;;) {
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: streamName })
    if (StreamDescriptionSummary?.StreamStatus === 'ACTIVE') return
  }
}

/** The ID of the shard with this number. */
export function shardId(index: number): string {
  return `shardId-${String(index).padStart(12, '0')}`
}

/** An iterator at the beginning of a shard. */
export async function fromStart(client: Kinesis, streamName: string, index = 0): Promise<string> {
  const { ShardIterator } = await client.getShardIterator({
    StreamName: streamName,
    ShardId: shardId(index),
    ShardIteratorType: 'TRIM_HORIZON',
  })
  return ShardIterator!
}

/** The data of records, as text. */
export function texts(records: readonly { Data: Uint8Array | undefined }[] | undefined): string[] {
  return (records ?? []).map(({ Data }) => Buffer.from(Data!).toString())
}

/** What an SDK error is called and says. */
export function refusal(name: string, message?: RegExp | string): (error: Error) => boolean {
  return (error) => {
    if (error.name !== name) throw new Error(`expected ${name}, not ${error.name}: ${error.message}`)
    if (typeof message === 'string' && error.message !== message) throw new Error(`says: ${error.message}`)
    if (message instanceof RegExp && !message.test(error.message)) throw new Error(`says: ${error.message}`)
    return true
  }
}
