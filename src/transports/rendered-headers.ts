import type { ClientRequest, RequestOptions } from 'node:http'
import type { Outgoing } from './node-http-client.ts'

type Arguments = readonly unknown[]
type Pairs = readonly unknown[]

/**
 * What is known of a request whose headers Node writes as soon as it is made, so that none can be added after:
 * headers given as an array, or with an `Expect`. Undefined for all others.
 */
export function renderedAtOnce(args: Arguments): Outgoing | undefined {
  const options = optionsOf(args)
  if (options === undefined) return undefined
  const headers = options.headers as unknown
  if (headers === null || typeof headers !== 'object') return undefined
  if (!Array.isArray(headers) && !Object.keys(headers).some(isExpect)) return undefined
  return outgoing(args[0], options, headers)
}

/** The arguments with these headers added, in copies; the caller's own by the names in `keys` are left out. */
export function withHeaders(
  args: Arguments,
  added: readonly string[],
  keys: ReadonlySet<string>,
): Parameters<(...args: never[]) => ClientRequest> {
  const options = optionsOf(args)!
  const index = args.indexOf(options)
  const headers = Array.isArray(options.headers)
    ? intoArray(options.headers as Pairs, added, keys)
    : intoObject(options.headers as Record<string, unknown>, added, keys)
  return args.with(index, { ...options, headers }) as never
}

/** The argument that Node takes for options: the first, or the one after a URL. */
function optionsOf(args: Arguments): RequestOptions | undefined {
  const options = typeof args[0] === 'string' || isUrl(args[0]) ? args[1] : args[0]
  return options !== null && typeof options === 'object' ? options : undefined
}

/** As Node itself tells a URL. */
function isUrl(value: unknown): value is URL {
  const url = value as { href?: unknown; protocol?: unknown; auth?: unknown; path?: unknown } | null
  return Boolean(url?.href && url.protocol && url.auth === undefined && url.path === undefined)
}

function isExpect(name: string): boolean {
  return name.length === 6 && name.toLowerCase() === 'expect'
}

function outgoing(first: unknown, options: RequestOptions, headers: object): Outgoing {
  const url = isUrl(first) ? first : URL.canParse(String(first)) ? new URL(String(first)) : undefined
  const header = (name: string): string | undefined => {
    const found = entriesOf(headers).find(([key]) => String(key).toLowerCase() === name)
    return found && String(found[1])
  }
  return {
    method: String(options.method ?? 'GET').toUpperCase(),
    path: options.path ?? (url ? url.pathname + url.search : '/'),
    protocol: options.protocol ?? url?.protocol ?? 'http:',
    getHeader: header,
  }
}

function entriesOf(headers: object): readonly (readonly [unknown, unknown])[] {
  if (!Array.isArray(headers)) return Object.entries(headers)
  if (Array.isArray(headers[0])) return headers as [unknown, unknown][]
  const pairs: [unknown, unknown][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i], headers[i + 1]])
  return pairs
}

/** Node takes both pairs and a flat list. */
function intoArray(headers: Pairs, added: readonly string[], keys: ReadonlySet<string>): unknown[] {
  const entries = entriesOf(added)
  if (Array.isArray(headers[0])) {
    return [...(headers as [unknown, unknown][]).filter(([key]) => !keys.has(lower(key))), ...entries]
  }
  const kept = headers.filter((_, i) => !keys.has(lower(headers[i - (i % 2)])))
  return [...kept, ...added]
}

function intoObject(
  headers: Record<string, unknown>,
  added: readonly string[],
  keys: ReadonlySet<string>,
): Record<string, unknown> {
  const kept = Object.entries(headers).filter(([key]) => !keys.has(lower(key)))
  return Object.fromEntries([...kept, ...(entriesOf(added) as [string, string][])])
}

function lower(name: unknown): string {
  return String(name).toLowerCase()
}
