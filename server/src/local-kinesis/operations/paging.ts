import { ApiError, invalidArgument } from '../wire/api-error.ts'

const lifetimeMs = 300_000

/** One page of a listing. */
export interface Page<T> {
  readonly items: T[]
  /** Leads to the next page; undefined on the last. */
  readonly token: string | undefined
}

/**
 * The part of a list, in the order of its keys, that comes after a key. The token carries the key it ends with and
 * whatever else the next call has to know.
 */
export function pageAfter<T>(
  after: string,
  items: Iterable<T>,
  keyOf: (item: T) => string,
  size: number,
  now: number,
  carried: readonly string[] = [],
): Page<T> {
  const rest = [...items].filter((item) => keyOf(item) > after).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const page = rest.slice(0, size)
  const more = page.length < rest.length
  return { items: page, token: more ? encodeToken([now, keyOf(page.at(-1)!), ...carried]) : undefined }
}

/** Reads a page's token: the key that the page ended with, and what it carried. Tokens end after 300 seconds, as on AWS. */
export function readPageToken(token: string, now: number): string[] {
  const [issuedAt, ...values] = decodeToken(token) ?? []
  if (typeof issuedAt !== 'number' || !values.every((value) => typeof value === 'string')) {
    throw invalidArgument('NextToken is invalid.')
  }
  if (now - issuedAt > lifetimeMs) {
    throw new ApiError('ExpiredNextTokenException', 'NextToken is expired: it is older than 300 seconds.')
  }
  return values
}

/** Puts values into an opaque text, which the client gives back as it is. */
export function encodeToken(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64')
}

/** The values in a text that `encodeToken` made; undefined for any other text. */
export function decodeToken(token: string): unknown[] | undefined {
  try {
    const values: unknown = JSON.parse(Buffer.from(token, 'base64').toString())
    return Array.isArray(values) ? values : undefined
  } catch {
    return undefined
  }
}
