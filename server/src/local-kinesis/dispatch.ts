import { randomUUID } from 'node:crypto'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from './account.ts'
import { ApiError, serializationError } from './wire/api-error.ts'
import { consumerOperations } from './operations/consumer-operations.ts'
import { type Fault, faultError } from './fault.ts'
import type { Request, Response } from './wire/one-port.ts'
import type { Operation } from './operations/operation.ts'
import { isOwnName } from './wire/own-name.ts'
import { putOperations } from './operations/put-operations.ts'
import { readOperations } from './operations/read-operations.ts'
import { shardOperations } from './operations/shard-operations.ts'
import { streamOperations } from './operations/stream-operations.ts'
import { Subscription } from './stream/subscription.ts'
import { tagOperations } from './operations/tag-operations.ts'

const contentType = 'application/x-amz-json-1.1'
const service = 'Kinesis_20131202'

const operations: ReadonlyMap<string, Operation> = new Map(
  Object.entries({
    ...streamOperations,
    ...shardOperations,
    ...putOperations,
    ...readOperations,
    ...consumerOperations,
    ...tagOperations,
  }),
)

/** Answers one request: AWS JSON 1.1, the operation named by `x-amz-target`. */
export async function dispatch(account: Account, request: Request, response: Response): Promise<void> {
  // A connection that breaks after the request was read has nobody left to tell; unheard it would end the process.
  request.on('error', () => {})
  response.on('error', () => {})
  const body = await readBody(request, account.settings.limits.callBytes * 2 + (1 << 20))
  try {
    if (!body) {
      throw new ApiError('RequestEntityTooLargeException', 'The request is larger than any call may be.', 413)
    }
    await answer(account, request, response, body)
  } catch (error) {
    sendError(response, asApiError(error))
  }
}

async function answer(account: Account, request: Request, response: Response, body: Buffer): Promise<void> {
  const named = request.headers.host ?? (request.headers[':authority'] as string | undefined)
  if (!isOwnName(named, account.settings.host)) {
    throw new ApiError(
      'AccessDeniedException',
      `This server is not ${named}: use its address, or localhost.`,
      403,
    )
  }
  const name = targetOf(request)
  const input = parse(request, body)
  const operation = operations.get(name)
  if (!operation)
    throw new ApiError('UnknownOperationException', `${name} is not an operation of this server.`)
  account.calls.set(name, (account.calls.get(name) ?? 0) + 1)

  const { fault } = account.settings
  if (await struck(fault?.({ at: 'request', operation: name, input }), request)) return
  const result = operation.answer(account, input, (index, shardId) =>
    faultError(fault?.({ at: 'record', operation: name, input, index, shardId })),
  )
  if (await struck(fault?.({ at: 'response', operation: name, input }), request)) return

  if (result instanceof Subscription) {
    writeHead(response, 200, { 'content-type': 'application/vnd.amazon.eventstream' })
    // Both kinds of response are writable streams; only their types have nothing in common.
    result.start(response as unknown as Writable)
  } else send(response, 200, result ? JSON.stringify(result) : '', {})
}

/** Lets a fault happen. Returns true when the request gets no answer; throws when its answer is an error. */
async function struck(fault: Fault | undefined, request: Request): Promise<boolean> {
  if (!fault) return false
  if (fault.delayMs) await sleep(fault.delayMs, undefined, { ref: false })
  if (fault.reset) {
    request.socket.resetAndDestroy()
    return true
  }
  const error = faultError(fault)
  if (error) throw error
  return fault.hang ?? false
}

function targetOf(request: Request): string {
  if (request.method !== 'POST') {
    throw new ApiError(
      'AccessDeniedException',
      'Unable to determine service/operation name to be authorized',
      403,
    )
  }
  const [targetService, name] = String(request.headers['x-amz-target'] ?? '').split('.')
  if (targetService !== service || !name) {
    throw new ApiError('UnknownOperationException', `x-amz-target must be ${service}.Operation.`)
  }
  return name
}

function parse(request: Request, body: Buffer): Record<string, unknown> {
  const type = String(request.headers['content-type'] ?? '').split(';', 1)[0]
  if (type !== contentType) {
    const hint = type?.includes('cbor') ? ' Turn CBOR off in the client: AWS_CBOR_DISABLE=true.' : ''
    throw serializationError(`This server reads ${contentType}, not '${type}'.${hint}`)
  }
  if (!request.headers.authorization) {
    throw new ApiError('MissingAuthenticationTokenException', 'Missing Authentication Token')
  }
  let input: unknown
  try {
    input = JSON.parse(body.toString() || '{}')
  } catch {
    throw serializationError('The body is not JSON.')
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw serializationError('The body is not a JSON object.')
  }
  return input as Record<string, unknown>
}

async function readBody(request: Request, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= limit) chunks.push(chunk)
  }
  return size <= limit ? Buffer.concat(chunks) : undefined
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError('InternalFailure', `The local Kinesis itself failed: ${String(error)}`, 500)
}

function sendError(response: Response, error: ApiError): void {
  const body = JSON.stringify({ __type: error.type, message: error.message })
  send(response, error.status, body, { 'x-amzn-ErrorType': error.type })
}

function send(response: Response, status: number, body: string, headers: Record<string, string>): void {
  if (response.destroyed) return
  writeHead(response, status, {
    'content-type': contentType,
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  })
  response.end(body)
}

function writeHead(response: Response, status: number, headers: Record<string, string>): void {
  response.statusCode = status
  const all = { 'x-amzn-RequestId': randomUUID(), ...headers }
  for (const [name, value] of Object.entries(all)) response.setHeader(name, value)
}
