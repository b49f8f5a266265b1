import { createHash, createHmac } from 'node:crypto'

/** A request as AWS's Signature Version 4 sees it. */
export interface SignedRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export const SECRET = 'a secret'
const SCOPE = /Credential=[^/]+\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request/
const SIGNED = /SignedHeaders=([^,\s]+)/
const SIGNATURE = /Signature=([0-9a-f]{64})/

/** The `authorization` of a request that signs all the headers it has. */
export function authorizationOf(request: SignedRequest): string {
  const names = Object.keys(request.headers).toSorted().join(';')
  const date = String(request.headers['x-amz-date']).slice(0, 8)
  const unsigned = `AWS4-HMAC-SHA256 Credential=KEY/${date}/here/any/aws4_request, SignedHeaders=${names}, `
  return `${unsigned}Signature=${signatureOf(request, unsigned)}`
}

/** Whether a request's signature is right, recomputed from what came. */
export function isSignatureRight(request: SignedRequest): boolean {
  const authorization = String(request.headers['authorization'])
  return SIGNATURE.exec(authorization)?.[1] === signatureOf(request, authorization)
}

function signatureOf({ method, path, headers, body }: SignedRequest, authorization: string): string {
  const [, date, region, service] = SCOPE.exec(authorization)!
  const names = SIGNED.exec(authorization)![1]!
  const [pathname, query = ''] = path.split('?')
  const lines = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  const canonical = [method, pathname, query, lines.join(''), names, sha256(body)].join('\n')
  const scope = `${date}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n')
  let key: string | Buffer = `AWS4${SECRET}`
  for (const part of [date!, region!, service!, 'aws4_request']) key = hmac(key, part)
  return hmac(key, text).toString('hex')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
