import type { OutgoingHttpHeaders, RequestOptions } from 'node:http'
import { types } from 'node:util'
import { headerOf, withNodeHeaders } from '../http-clients/header-list.ts'

/** What rules and tags ask of a request to node:http: the request itself, or what is to become one. */
export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly protocol: string
  getHeader(name: string): number | string | string[] | undefined
}

/**
 * The arguments of `request`, to be read here before Node reads them. Options are copied as Node copies them where they
 * are a proxy, a getter gives their headers, or more of them is read here: so each getter is called once and in its
 * turn.
 */
export function readable<Args extends readonly unknown[]>(args: Args): Args {
  const options = optionsOf(args)
  if (options === undefined) return args
  const own = Reflect.getOwnPropertyDescriptor(options, 'headers')
  const isRead = own?.get !== undefined || types.isProxy(options) || isRendered(own?.value)
  return isRead ? replaced(args, options, { ...options }) : args
}

/**
 * What is known of a request whose headers Node writes as soon as it is made, so that none can be added after:
 * headers given as an array, or with an `Expect`. Undefined for all others.
 */
export function renderedAtOnce(args: readonly unknown[]): Outgoing | undefined {
  const options = optionsOf(args)
  // Node reads what is the options' own, and nothing that they inherit.
  if (options === undefined || !Object.hasOwn(options, 'headers')) return undefined
  const headers = options.headers as unknown
  if (!isRendered(headers)) return undefined

  const first = args[0]
  const url = isUrl(first)
    ? first
    : typeof first === 'string' && URL.canParse(first)
      ? new URL(first)
      : undefined
  const { method, path, protocol } = options
  return {
    method: String(method ?? 'GET').toUpperCase(),
    path: String(path ?? (url ? url.pathname + url.search : '/')),
    protocol: protocol ?? url?.protocol ?? 'http:',
    getHeader: (name) => headerOf(headers, name),
  }
}

/** The arguments with these headers added, in copies. The caller's own headers by the names in `keys` are left out. */
export function withAddedHeaders<Args extends readonly unknown[]>(
  args: Args,
  added: string[],
  keys: ReadonlySet<string>,
  path: string,
): Args {
  const options = optionsOf(args)!
  const copy = { ...options }
  copy.headers = withNodeHeaders(options.headers as object, added, keys, path) as OutgoingHttpHeaders
  return replaced(args, options, copy)
}

function replaced<Args extends readonly unknown[]>(args: Args, options: object, copy: object): Args {
  return args.map((arg) => (arg === options ? copy : arg)) as unknown as Args
}

function isRendered(headers: unknown): headers is object {
  if (headers === null || typeof headers !== 'object') return false
  return Array.isArray(headers) || Object.keys(headers).some(isExpect)
}

/** The argument that Node takes for options: the first, or the one after a URL. */
function optionsOf(args: readonly unknown[]): RequestOptions | undefined {
  const options = typeof args[0] === 'string' || isUrl(args[0]) ? args[1] : args[0]
  return options !== null && typeof options === 'object' ? options : undefined
}

/** Whether Node takes the value for a URL. */
function isUrl(value: unknown): value is URL {
  const url = value as { href?: unknown; protocol?: unknown; auth?: unknown; path?: unknown } | null
  return Boolean(url?.href && url.protocol && url.auth === undefined && url.path === undefined)
}

function isExpect(name: string): boolean {
  return name.length === 6 && name.toLowerCase() === 'expect'
}
