import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** Goes with the access key that a case gives the SDK, which is `key`. */
const SECRET = 'secret'
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=key\/(\d{8}\/[^/]+\/[^/]+\/aws4_request), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/
const TYPE = { 'content-type': 'application/x-amz-json-1.0' }

/** Whether a request is one that {@link answerAsAws} answers. */
export function isToAws({ headers }: IncomingMessage): boolean {
  return headers.authorization?.startsWith('AWS4-') ?? false
}

/** Answers as S3, SQS and DynamoDB do, where the signature is right, else with 403. A first try for `busy` gets 503. */
export function answerAsAws(req: IncomingMessage, body: Buffer, res: ServerResponse): void {
  const service = serviceSignedFor(req, body)
  const isFirst = String(req.headers['amz-sdk-request']).startsWith('attempt=1')
  const isBusy = isFirst && `${req.url}${body.toString()}`.includes('busy')
  if (!service) res.writeHead(403, TYPE).end('{"__type":"SignatureDoesNotMatch"}')
  else if (isBusy) res.writeHead(503, TYPE).end('{"__type":"ServiceUnavailable"}')
  else if (service === 's3') res.writeHead(200, { etag: '"tag"' }).end(req.method === 'GET' ? 'a paper' : '')
  else
    res
      .writeHead(200, TYPE)
      .end(JSON.stringify(service === 'sqs' ? taken(body) : { Item: { id: { S: '7' } } }))
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, recomputed. */
function serviceSignedFor({ method, url, headers }: IncomingMessage, body: Buffer): string | undefined {
  const [, scope, names, signature] = AUTHORIZATION.exec(headers.authorization!) ?? []
  if (!scope) return undefined
  const { pathname, searchParams } = new URL(url!, 'http://aws')
  const query = [...searchParams].map((pair) => pair.map(encodeURIComponent).join('=')).toSorted()
  const signed = names!.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  const hash = String(headers['x-amz-content-sha256'] ?? sha256(body))
  if (/^[\da-f]{64}$/.test(hash) && hash !== sha256(body)) return undefined
  const request = [method, pathname, query.join('&'), signed.join(''), names, hash].join('\n')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(request)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>((above, part) => hmac(above, part), `AWS4${SECRET}`)
  return hmac(key, text).toString('hex') === signature ? scope.split('/')[2] : undefined
}

function taken(body: Buffer): object {
  const { MessageBody } = JSON.parse(body.toString()) as { MessageBody: string }
  return { MessageId: '1', MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex') }
}

function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
