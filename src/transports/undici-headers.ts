type Pair = readonly [string, unknown]

/** One header out of any of the forms that undici takes headers in. `name` comes in lower case. */
export function headerOf(headers: unknown, name: string): string | undefined {
  if (headers === null || typeof headers !== 'object') return undefined
  for (const [key, value] of entriesOf(headers)) {
    if (String(key).toLowerCase() === name) return String(Array.isArray(value) ? value[0] : value)
  }
  return undefined
}

/**
 * Headers in the form they came in, `added` (names and values in turn) added to a copy; the caller's own by the
 * names in `keys` are left out. What undici would refuse is returned as it is, to be refused.
 */
export function withHeaders(
  headers: unknown,
  added: readonly string[],
  keys: ReadonlySet<string>,
): string[] | Record<string, string> {
  if (headers === undefined || headers === null) return [...added]
  if (typeof headers !== 'object' || (Array.isArray(headers) && headers.length % 2 !== 0)) {
    return headers as string[]
  }
  if (Array.isArray(headers) || Symbol.iterator in headers) {
    const list: unknown[] = []
    for (const [key, value] of entriesOf(headers)) {
      if (!keys.has(String(key).toLowerCase())) list.push(key, value)
    }
    return [...list, ...added] as string[]
  }
  const copy: Record<string, unknown> = {}
  const own = headers as Record<string, unknown>
  for (const key of Object.keys(own)) {
    if (!keys.has(key.toLowerCase())) copy[key] = own[key]
  }
  for (let i = 0; i < added.length; i += 2) copy[added[i]!] = added[i + 1]
  return copy as Record<string, string>
}

function* entriesOf(headers: object): Generator<Pair> {
  if (Array.isArray(headers)) {
    for (let i = 0; i < headers.length; i += 2) yield [headers[i], headers[i + 1]]
  } else if (Symbol.iterator in headers) yield* headers as Iterable<Pair>
  else yield* Object.entries(headers)
}
