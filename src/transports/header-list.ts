import { signedHeaders } from './signed-headers.ts'

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
 * caller's own by the same names, or by those in `keys`, give way, but for those that a signature in them or in
 * `path` covers: what would replace these is taken out of `added`. What a library would refuse is returned as it
 * is, to be refused.
 */
export function withHeaders(
  headers: unknown,
  added: string[],
  keys: ReadonlySet<string>,
  path: string,
): unknown {
  if (headers === undefined || headers === null) return [...added]
  if (typeof headers !== 'object') return headers
  const given = !Array.isArray(headers) && Symbol.iterator in headers ? flat(headers) : headers
  if (given === undefined) return headers
  const replaced = new Replaced(added, keys)
  const copy = copyOf(given, added, replaced)
  const signed = replaced.any ? signedHeaders(entriesOf(given), path) : undefined
  if (signed === undefined) return copy

  const rest = added.flatMap((name, i) => (i % 2 || signed.has(lower(name)) ? [] : [name, added[i + 1]!]))
  added.splice(0, added.length, ...rest)
  return copyOf(given, added, new Replaced(added, new Set([...keys].filter((key) => !signed.has(key)))))
}

/** An iterable's pairs in a list, for it may give them once only. Undefined when they are none. */
function flat(headers: object): unknown[] | undefined {
  const list: unknown[] = []
  for (const pair of headers as Iterable<unknown>) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined
    list.push(pair[0], pair[1])
  }
  return list
}

/** Which of the caller's headers give way. */
class Replaced {
  /** Whether any has. */
  any = false
  readonly #added: readonly string[]
  readonly #keys: ReadonlySet<string>

  constructor(added: readonly string[], keys: ReadonlySet<string>) {
    this.#added = added
    this.#keys = keys
  }

  has(key: unknown): boolean {
    const name = lower(key)
    const added = this.#added
    let has = this.#keys.has(name)
    for (let i = 0; i < added.length && !has; i += 2) {
      has = added[i]!.length === name.length && lower(added[i]) === name
    }
    if (has) this.any = true
    return has
  }
}

function copyOf(headers: object, added: readonly string[], replaced: Replaced): unknown {
  const pairs = Array.isArray(headers) && Array.isArray(headers[0])
  if (Array.isArray(headers) && !pairs && headers.length % 2 !== 0) return headers

  if (pairs) {
    const kept = (headers as Pair[]).filter(([key]) => !replaced.has(key))
    return [...kept, ...entriesOf(added)]
  }
  if (Array.isArray(headers)) {
    const list: unknown[] = []
    for (let i = 0; i < headers.length; i += 2) {
      if (!replaced.has(headers[i])) list.push(headers[i], headers[i + 1])
    }
    list.push(...added)
    return list
  }
  const copy: Record<string, unknown> = {}
  const own = headers as Record<string, unknown>
  for (const key of Object.keys(own)) {
    if (!replaced.has(key)) copy[key] = own[key]
  }
  for (let i = 0; i < added.length; i += 2) copy[added[i]!] = added[i + 1]
  return copy
}

/** Names and values, of any form. */
export function* entriesOf(headers: object): Generator<Pair> {
  if (Array.isArray(headers) && !Array.isArray(headers[0])) {
    for (let i = 0; i < headers.length; i += 2) yield [headers[i], headers[i + 1]]
  } else if (Symbol.iterator in headers) yield* headers as Iterable<Pair>
  else yield* Object.entries(headers)
}

function lower(name: unknown): string {
  return String(name).toLowerCase()
}
