import type { KinesisClient } from '@aws-sdk/client-kinesis'
import {
  KINESIS_CONNECT_MS,
  KINESIS_REQUEST_MS,
  type KinesisClientOptions,
  type KinesisSdk,
  loadKinesisSdk,
  newKinesisClient,
} from '../../../../../src/kinesis/sdk.ts'

/** Loads the AWS SDK and makes a client that reads streams. Rejects with one line when the SDK is not installed. */
export async function openClient(
  options: KinesisClientOptions,
): Promise<{ sdk: KinesisSdk; client: KinesisClient }> {
  // Loaded here, for the other commands have no need of them.
  const sdk = await loadKinesisSdk('reading a stream')
  const { NodeHttpHandler } = await import('@smithy/node-http-handler')
  const agent = { keepAlive: true, maxSockets: MOST_CONNECTIONS }
  const handler = new NodeHttpHandler({
    httpAgent: agent,
    httpsAgent: agent,
    connectionTimeout: KINESIS_CONNECT_MS,
    // Until the answer begins. It would only be warned of without `throwOnRequestTimeout`.
    requestTimeout: KINESIS_REQUEST_MS,
    throwOnRequestTimeout: true,
    // Once it has begun.
    socketTimeout: IDLE_MS,
  })
  return { sdk, client: newKinesisClient(sdk, options, handler) }
}

/** Shards are read at the same time, each with one request at a time. */
const MOST_CONNECTIONS = 64
/** How long a connection may be silent. The handler watches from the start of a request only what is below 6 s. */
const IDLE_MS = 5000
