type Pair = readonly [unknown, unknown]

/*
 * A caller's headers come as an object, an iterable of pairs (Headers, Map), a flat list of names and values in
 * turn, or, to node:http, a list of pairs.
 */

const INVALID = /[^\t\x20-\x7e\x80-\xff]/

/** Puts a header of ours into a flat list. Throws on a value that a library would refuse together with the call. */
export function addTo(list: string[], name: string, value: string): void {
  if (INVALID.test(value)) throw new TypeError(`a value for ${name} has characters that no header takes`)
  list.push(name, value)
}

/** One header out of any form. `name` comes in lower case. */
export function headerOf(headers: unknown, name: string): string | undefined {
  if (headers === null || typeof headers !== 'object') return undefined
  for (const [key, value] of entriesOf(headers)) {
    if (lower(key) === name) return String(Array.isArray(value) ? value[0] : value)
  }
  return undefined
}

/**
 * The headers with `added` (names and values in turn), in a copy that a library takes as it took the original. The
 * caller's own by the same names, or by those in `keys`, give way. What a library would refuse is returned as
 * it is, to be refused.
 */
export function withHeaders(headers: unknown, added: readonly string[], keys: ReadonlySet<string>): unknown {
  if (headers === undefined || headers === null) return [...added]
  if (typeof headers !== 'object') return headers
  const pairs = Array.isArray(headers) && Array.isArray(headers[0])
  if (Array.isArray(headers) && !pairs && headers.length % 2 !== 0) return headers

  if (pairs) {
    const kept = (headers as Pair[]).filter(([key]) => !isReplaced(key, added, keys))
    return [...kept, ...entriesOf(added)]
  }
  if (Array.isArray(headers) || Symbol.iterator in headers) {
    const list: unknown[] = []
    for (const [key, value] of entriesOf(headers)) {
      if (!isReplaced(key, added, keys)) list.push(key, value)
    }
    list.push(...added)
    return list
  }
  const copy: Record<string, unknown> = {}
  const own = headers as Record<string, unknown>
  for (const key of Object.keys(own)) {
    if (!isReplaced(key, added, keys)) copy[key] = own[key]
  }
  for (let i = 0; i < added.length; i += 2) copy[added[i]!] = added[i + 1]
  return copy
}

function isReplaced(key: unknown, added: readonly string[], keys: ReadonlySet<string>): boolean {
  const name = lower(key)
  if (keys.has(name)) return true
  for (let i = 0; i < added.length; i += 2) {
    if (added[i]!.length === name.length && lower(added[i]) === name) return true
  }
  return false
}

function* entriesOf(headers: object): Generator<Pair> {
  if (Array.isArray(headers) && !Array.isArray(headers[0])) {
    for (let i = 0; i < headers.length; i += 2) yield [headers[i], headers[i + 1]]
  } else if (Symbol.iterator in headers) yield* headers as Iterable<Pair>
  else yield* Object.entries(headers)
}

function lower(name: unknown): string {
  return String(name).toLowerCase()
}
