import { signedHeaders } from './signed-headers.ts'
import { spread, standIn } from '../hooks/stand-in.ts'

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

/** The value of one header, in whatever form the headers are. `name` comes in lower case. */
export function headerOf(headers: unknown, name: string): string | undefined {
  if (headers === null || typeof headers !== 'object') return undefined
  for (const [key, value] of entriesOf(headers)) {
    if (lower(key) === name) return String(Array.isArray(value) ? value[0] : value)
  }
  return undefined
}

/**
 * The headers with `added` (names and values in turn), in a form that undici takes as it took the original. The
 * caller's own headers by the same names, or by those in `keys`, give way. Those that a signature in the headers or in
 * `path` covers stay, and what would replace them is taken out of `added`. Headers that undici would refuse are
 * returned as they are, for it to refuse.
 */
export function withHeaders(
  headers: unknown,
  added: string[],
  keys: ReadonlySet<string>,
  path: string,
): unknown {
  if (headers === undefined || headers === null) return ofAdded(added)
  if (typeof headers !== 'object') return headers
  // Undici refuses a list of pairs, except in its cache. With ours in it the message of the error would be another one.
  if (Array.isArray(headers) && Array.isArray(headers[0])) return headers
  if (Array.isArray(headers) || !isIterable(headers)) return withNodeHeaders(headers, added, keys, path)
  // Once, for it may give them once only.
  const pairs = [...headers]
  return replacing(added, keys, path, pairs, (replaced) => {
    const all = pairsWith(pairs, added, replaced)
    return standIn(headers, { [Symbol.iterator]: () => all.values() })
  })
}

/**
 * As {@link withHeaders}, for node:http, which also takes a list of pairs, and of any other object its own properties.
 */
export function withNodeHeaders(
  headers: object,
  added: string[],
  keys: ReadonlySet<string>,
  path: string,
): object {
  if (Array.isArray(headers)) {
    const make = Array.isArray(headers[0]) ? pairsWith : listWith
    return replacing(added, keys, path, headers, (replaced) => make(headers, added, replaced))
  }
  // Each is read once, as a library reads them.
  const own = spread(headers) as Record<string, unknown>
  return shapedAs(headers, withOwn(own, added, keys, path))
}

function withOwn(
  own: Record<string, unknown>,
  added: string[],
  keys: ReadonlySet<string>,
  path: string,
): object {
  const replaced = new Replaced(added, keys)
  for (const key in own) {
    if (replaced.has(key)) return replacing(added, keys, path, own, (names) => recordWith(own, added, names))
  }
  for (let i = 0; i < added.length; i += 2) own[added[i]!] = added[i + 1]
  return own
}

/** What `make` makes, except that headers which a signature covers stay as they are. `headers`: all of the caller's. */
function replacing(
  added: string[],
  keys: ReadonlySet<string>,
  path: string,
  headers: object,
  make: (replaced: Replaced) => object,
): object {
  const replaced = new Replaced(added, keys)
  const made = make(replaced)
  const signed = replaced.any ? signedHeaders(entriesOf(headers), path) : undefined
  if (signed === undefined) return made

  const rest = added.flatMap((name, i) => (i % 2 || signed.has(lower(name)) ? [] : [name, added[i + 1]!]))
  added.splice(0, added.length, ...rest)
  return make(new Replaced(added, new Set([...keys].filter((key) => !signed.has(key)))))
}

/** Which of the caller's headers give way. */
class Replaced {
  /** Whether any header has given way. */
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

function listWith(headers: readonly unknown[], added: readonly string[], replaced: Replaced): object {
  if (headers.length % 2 !== 0) return headers
  const list: unknown[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (!replaced.has(headers[i])) list.push(headers[i], headers[i + 1])
  }
  list.push(...added)
  return list
}

function pairsWith(headers: readonly unknown[], added: readonly string[], replaced: Replaced): unknown[] {
  const pairs: unknown[] = []
  // What is no pair is for the library to refuse, and so is a hole.
  for (const entry of headers as readonly (Pair | undefined)[]) {
    if (!replaced.has(entry?.[0])) pairs.push(entry)
  }
  for (let i = 0; i < added.length; i += 2) pairs.push([added[i], added[i + 1]])
  return pairs
}

function recordWith(
  own: Readonly<Record<string, unknown>>,
  added: readonly string[],
  replaced: Replaced,
): Record<string, unknown> {
  const copy = spread(own) as Record<string, unknown>
  for (const key of Object.keys(own)) if (replaced.has(key)) delete copy[key]
  for (let i = 0; i < added.length; i += 2) copy[added[i]!] = added[i + 1]
  return copy
}

function ofAdded(added: readonly string[]): object {
  const headers: Record<string, unknown> = {}
  for (let i = 0; i < added.length; i += 2) headers[added[i]!] = added[i + 1]
  return headers
}

/** The copy with the prototype of the headers, frozen or closed to new properties where they are. */
function shapedAs(headers: object, copy: object): object {
  const prototype = Object.getPrototypeOf(headers) as object | null
  let shaped = copy
  // What it inherits may be read-only, so all is defined.
  if (prototype !== Object.prototype) {
    shaped = Object.create(prototype, Object.getOwnPropertyDescriptors(copy)) as object
  }
  if (Object.isExtensible(headers)) return shaped
  return Object.isFrozen(headers) ? Object.freeze(shaped) : Object.preventExtensions(shaped)
}

/** The names and values of headers in whatever form. What is no pair is left out. */
export function* entriesOf(headers: object): Generator<Pair> {
  if (Array.isArray(headers) && !Array.isArray(headers[0])) {
    for (let i = 0; i < headers.length; i += 2) yield [headers[i], headers[i + 1]]
  } else if (isIterable(headers)) {
    // An iterator may be gone through once, and that is not for us.
    if (headers === (headers[Symbol.iterator]() as unknown)) return
    for (const pair of headers) if (Array.isArray(pair)) yield pair as unknown as Pair
  } else yield* Object.entries(headers)
}

function isIterable(headers: object): headers is Iterable<unknown> {
  return typeof (headers as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
}

function lower(name: unknown): string {
  return String(name).toLowerCase()
}
