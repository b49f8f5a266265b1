import type { KinesisClient, KinesisClientConfig } from '@aws-sdk/client-kinesis'
import { emulatorIdentity, isOnThisMachine } from './emulator.ts'

export type KinesisSdk = typeof import('@aws-sdk/client-kinesis')

export interface KinesisClientOptions {
  /**
   * The AWS region. Default: what the SDK finds in the environment and its configuration files; for an endpoint on
   * this machine, `us-east-1` where it finds none.
   */
  readonly region?: string | undefined
  /** Where Kinesis is, as `http://127.0.0.1:4567`. Default: AWS in the region. */
  readonly endpoint?: string | undefined
}

/** How long Kinesis may take to accept a connection, and to answer, in milliseconds. */
export const KINESIS_CONNECT_MS = 2000
export const KINESIS_REQUEST_MS = 6000

/** Loads the AWS SDK. Rejects with one line that says what to install; `user` is what needs it. */
export async function loadKinesisSdk(user: string): Promise<KinesisSdk> {
  try {
    return await import('@aws-sdk/client-kinesis')
  } catch (error) {
    const said = String((error as Partial<Error> | undefined)?.message ?? error)
    const isMissing = /^Cannot find (package|module) '@aws-sdk\/client-kinesis'/.test(said)
    const message = isMissing
      ? `${user} needs @aws-sdk/client-kinesis: npm install it`
      : `${user} could not load @aws-sdk/client-kinesis: ${said}`
    throw new Error(message, { cause: error })
  }
}

/**
 * Makes a client that sends nothing twice: the caller decides that. The handler must speak HTTP/1.1 over kept
 * connections, and end a request that takes too long. The SDK's own handler opens an HTTP/2 session with a TLS
 * handshake for every request, waits for ever, and cannot talk to most emulators. With one session for all requests it
 * does not recover when that goes silent.
 */
export function newKinesisClient(
  { KinesisClient }: KinesisSdk,
  { region, endpoint }: KinesisClientOptions,
  requestHandler: NonNullable<KinesisClientConfig['requestHandler']>,
): KinesisClient {
  const settings: KinesisClientConfig = {
    maxAttempts: 1,
    requestHandler,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  }
  const client = new KinesisClient(settings)
  if (endpoint === undefined || !isOnThisMachine(endpoint)) return client
  return new KinesisClient({ ...settings, ...emulatorIdentity(client.config, region) })
}

/** What an error of the SDK says, and what to do about it where the SDK does not tell. */
export function withRemedy(said: string): string {
  return said === 'Region is missing' ? `${said}; give the region, or set AWS_REGION` : said
}
