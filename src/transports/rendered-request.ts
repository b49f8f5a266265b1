import type { RequestOptions } from 'node:http'
import { headerOf, withHeaders } from './header-list.ts'

/** What rules and tags ask of a request to node:http: the request itself, or what is to become one. */
export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly protocol: string
  getHeader(name: string): number | string | string[] | undefined
}

/**
 * What is known of a request whose headers Node writes as soon as it is made, so that none can be added after:
 * headers given as an array, or with an `Expect`. Undefined for all others.
 */
export function renderedAtOnce(args: readonly unknown[]): Outgoing | undefined {
  const options = optionsOf(args)
  const headers = options?.headers as object | null | undefined
  if (options === undefined || headers === null || typeof headers !== 'object') return undefined
  if (!Array.isArray(headers) && !Object.keys(headers).some(isExpect)) return undefined

  const first = args[0]
  const url = isUrl(first)
    ? first
    : typeof first === 'string' && URL.canParse(first)
      ? new URL(first)
      : undefined
  return {
    method: String(options.method ?? 'GET').toUpperCase(),
    path: String(options.path ?? (url ? url.pathname + url.search : '/')),
    protocol: options.protocol ?? url?.protocol ?? 'http:',
    getHeader: (name) => headerOf(headers, name),
  }
}

/** The arguments with these headers added, in copies; the caller's own by the names in `keys` are left out. */
export function withAddedHeaders<Args extends readonly unknown[]>(
  args: Args,
  added: string[],
  keys: ReadonlySet<string>,
  path: string,
): Args {
  const options = optionsOf(args)!
  const headers = withHeaders(options.headers, added, keys, path)
  return args.map((arg) => (arg === options ? { ...options, headers } : arg)) as unknown as Args
}

/** The argument that Node takes for options: the first, or the one after a URL. */
function optionsOf(args: readonly unknown[]): RequestOptions | undefined {
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
