import { ApiError, invalidArgument } from './api-error.ts'

const lifetimeMs = 300_000

/** A token that leads back to where a listing stopped. */
export function pageToken(scope: string, after: string, now: number): string {
  return encodeToken([now, scope, after])
}

/** Where a listing stopped. Tokens end after 300 seconds, as on AWS. */
export function readPageToken(token: string, now: number): { scope: string; after: string } {
  const [issuedAt, scope, after] = decodeToken(token) ?? []
  if (typeof issuedAt !== 'number' || typeof scope !== 'string' || typeof after !== 'string') {
    throw invalidArgument('NextToken is invalid.')
  }
  if (now - issuedAt > lifetimeMs) {
    throw new ApiError('ExpiredNextTokenException', 'NextToken is expired: it is older than 300 seconds.')
  }
  return { scope, after }
}

/** Opaque text for values that the client only carries. */
export function encodeToken(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64')
}

/** The values again; undefined when it is not such text. */
export function decodeToken(token: string): unknown[] | undefined {
  try {
    const values: unknown = JSON.parse(Buffer.from(token, 'base64').toString())
    return Array.isArray(values) ? values : undefined
  } catch {
    return undefined
  }
}
