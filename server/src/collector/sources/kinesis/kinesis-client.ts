import http from 'node:http'
import https from 'node:https'
import type { KinesisClient, KinesisClientConfig } from '@aws-sdk/client-kinesis'
import { describe } from '../../../log.ts'

export type KinesisSdk = typeof import('@aws-sdk/client-kinesis')

export interface KinesisClientOptions {
  /** Default: what the SDK finds in the environment and its configuration files. */
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
}

/** The AWS SDK, loaded when it is needed. Rejects with one line that says what to install. */
export async function loadKinesisSdk(): Promise<KinesisSdk> {
  try {
    return await import('@aws-sdk/client-kinesis')
  } catch (error) {
    const said = describe(error)
    const isMissing = said.includes("Cannot find package '@aws-sdk/client-kinesis'")
    const advice = 'needs @aws-sdk/client-kinesis: npm install @aws-sdk/client-kinesis'
    throw new Error(`reading a Kinesis stream ${isMissing ? advice : `failed to load its SDK: ${said}`}`, {
      cause: error,
    })
  }
}

/**
 * A client over HTTP/1.1 with kept connections and timeouts. The SDK's own handler opens an HTTP/2 session for every
 * request, waits for ever, and cannot speak to most emulators. An endpoint on this machine gets a region and
 * credentials of its own where there are none, as emulators take any.
 */
export function newKinesisClient(sdk: KinesisSdk, options: KinesisClientOptions): KinesisClient {
  const { endpoint } = options
  const isLocal = endpoint !== undefined && LOOPBACK.test(new URL(endpoint).hostname)
  const region = options.region ?? (isLocal ? process.env['AWS_REGION'] || 'us-east-1' : undefined)
  const hasCredentials = ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE'].some((name) => process.env[name])
  return new sdk.KinesisClient({
    maxAttempts: 1,
    requestHandler: keptConnections(),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(isLocal && !hasCredentials
      ? { credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }
      : {}),
  })
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/
const REQUEST_MS = 10_000

/** What the SDK asks for: https://github.com/smithy-lang/smithy-typescript, `HttpRequest`. */
interface SdkRequest {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | undefined
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body?: unknown
}

interface SdkResponse {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: Uint8Array
}

type RequestHandler = NonNullable<KinesisClientConfig['requestHandler']>

function keptConnections(): RequestHandler {
  const options = { keepAlive: true, maxSockets: 64 }
  const agents = { http: new http.Agent(options), https: new https.Agent(options) }
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request: SdkRequest, { abortSignal }: { abortSignal?: AbortSignal } = {}) => {
      const agent = request.protocol === 'http:' ? agents.http : agents.https
      return { response: await exchange(request, agent, abortSignal) }
    },
    destroy: () => {
      agents.http.destroy()
      agents.https.destroy()
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  }
}

function exchange(request: SdkRequest, agent: http.Agent, signal?: AbortSignal): Promise<SdkResponse> {
  return new Promise((resolve, reject) => {
    const { hostname, port, method, path, headers } = request
    const open = request.protocol === 'http:' ? http.request : https.request
    const host = hostname.replace(/^\[|\]$/g, '')
    const outgoing = open({ host, port, method, path, headers, agent, ...(signal ? { signal } : {}) })
    const timer = setTimeout(() => {
      outgoing.destroy(new Error(`no answer from ${hostname} in ${REQUEST_MS / 1000} s`))
    }, REQUEST_MS)
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(error)
    }
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', fail)
      incoming.on('end', () => {
        clearTimeout(timer)
        const answered = incoming.headers as Record<string, string>
        resolve({ statusCode: incoming.statusCode ?? 0, headers: answered, body: Buffer.concat(chunks) })
      })
    })
    outgoing.end(request.body)
  })
}
