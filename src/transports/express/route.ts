import { types } from 'node:util'
import type { IncomingMessage } from 'node:http'

/** What a router of Express 4 or 5 keeps for each path it was given. */
export interface Layer {
  /** Present on the layer of a route, and not on those of middleware, of mounted routers, and inside a route. */
  readonly route?: { readonly path: unknown } | undefined
  /** Present only inside a route. */
  readonly method?: string | undefined
  /** Whether it matches every path; Express 5. */
  readonly slash?: boolean
  /** The path as it was given, in one array at most; Express 5 with router 2.3 or later. */
  readonly rawPath?: unknown
  /** Express 5: one for each path. */
  readonly matchers?: readonly ((path: string) => { path: string; params: object } | false)[]
  /** Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly { readonly name: string | number }[]
}

/** What Express puts on a request. */
export type ExpressRequest = IncomingMessage & {
  baseUrl?: string
  params?: object
  /** The route entered last. */
  route?: { readonly path: unknown; readonly stack?: readonly Layer[] }
  [MOUNTS]?: Mount[]
}

/** A path of a request that led it to a router, and the pattern that the path matched. */
interface Mount {
  readonly raw: string
  readonly pattern: string
}

const MOUNTS: unique symbol = Symbol.for('tdist.expressMounts')
const ROOT: Mount = { raw: '', pattern: '' }

/** Whether the layer stands in a router under a path of its own. */
export function isMount(layer: Layer): boolean {
  return !(layer.slash ?? layer.regexp?.fast_slash) && !('method' in layer)
}

/**
 * Notes the pattern of the path that brought the request to this layer: `/users/:id` for a `baseUrl` of `/users/12`.
 */
export function noteMount(layer: Layer, request: ExpressRequest): void {
  const { baseUrl } = request
  if (!baseUrl) return
  const mounts = request[MOUNTS] ?? keepMounts(request)
  // The nearest mount that is noted may be one that the request has left again; then the layer does not match.
  for (let i = mounts.length - 1; i >= -1; i--) {
    const outer = mounts[i] ?? ROOT
    if (baseUrl.length <= outer.raw.length || !baseUrl.startsWith(outer.raw)) continue
    const pattern = patternOf(layer, baseUrl.slice(outer.raw.length))
    if (pattern === undefined) continue
    mounts.push({ raw: baseUrl, pattern: outer.pattern + pattern })
    return
  }
}

function keepMounts(request: ExpressRequest): Mount[] {
  const mounts: Mount[] = []
  // Not enumerable, so that a logged request does not show it.
  Object.defineProperty(request, MOUNTS, { value: mounts })
  return mounts
}

/**
 * The whole template of a route: the paths where its routers are mounted, and its own. Undefined when the way to it was
 * not seen: a path as it came is never a name.
 */
export function routeOf(route: { readonly path: unknown }, request: ExpressRequest): string | undefined {
  const { baseUrl } = request
  const base = baseUrl ? request[MOUNTS]?.findLast(({ raw }) => raw === baseUrl)?.pattern : ''
  return base === undefined ? undefined : tidy(base + asText(route.path))
}

/** The pattern by which the layer matches `part`; undefined when it does not match all of it. */
function patternOf(layer: Layer, part: string): string | undefined {
  const { regexp, matchers = [] } = layer
  if (regexp) return fromRegExp(regexp, layer.keys ?? [], part)
  for (const [i, matcher] of matchers.entries()) {
    const match = matcher(part)
    if (!match || match.path !== part) continue
    if (!('rawPath' in layer))
      return matcher.name === 'regexpMatcher' ? '(regexp)' : withNames(part, match.params)
    return asText(Array.isArray(layer.rawPath) ? layer.rawPath[i] : layer.rawPath)
  }
  return undefined
}

/** With the flag `d`, which tells where each group matched; and its source as plain text, to copy letters from. */
const readable = new WeakMap<RegExp, { exact: RegExp; text: string }>()

/**
 * A pattern from Express 4, which keeps only the expression that it made of a path: the names go where its groups
 * matched.
 */
function fromRegExp(regexp: RegExp, keys: NonNullable<Layer['keys']>, part: string): string | undefined {
  const { source, flags } = regexp
  // A string's ends so; anything else is the caller's own.
  if (!source.endsWith('(?=\\/|$)')) return regexp.exec(part)?.[0] === part ? asText(regexp) : undefined
  let as = readable.get(regexp)
  if (!as) {
    const text = source.replace(/\\(.)|\(\?:/g, '$1')
    readable.set(regexp, (as = { exact: new RegExp(source, `${flags}d`), text }))
  }
  const match = as.exact.exec(part)
  if (match?.[0] !== part) return undefined
  let pattern = ''
  let end = 0
  for (const [i, key] of keys.entries()) {
    const at = match.indices![i + 1]
    if (!at || at[0] < end) continue
    pattern +=
      asWritten(part.slice(end, at[0]), as.text) + (typeof key.name === 'string' ? `:${key.name}` : '*')
    end = at[1]
  }
  return pattern + asWritten(part.slice(end), as.text)
}

/** The piece with the upper and lower case that the text has, whatever the request has. */
function asWritten(piece: string, text: string): string {
  const at = text.toLowerCase().indexOf(piece.toLowerCase())
  return at === -1 ? piece : text.slice(at, at + piece.length)
}

/**
 * The path with the value of each parameter replaced by its name: where a segment is equal to it, else a part of a
 * segment.
 */
function withNames(path: string, params: object): string {
  const segments = path.split('/').map(decoded)
  let from = 0
  for (const [name, values] of Object.entries(params)) {
    for (const value of [values as unknown].flat().map(String)) {
      if (value === '') continue
      const rest = segments.slice(from)
      const at = rest.includes(value)
        ? rest.indexOf(value)
        : rest.findIndex((segment) => segment.includes(value))
      if (at === -1) continue
      from += at
      segments[from] = segments[from]!.replace(value, () => `:${name}`)
    }
  }
  return segments.join('/')
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** A path as it was given: a string; or in brackets an expression's source, or the choice of an array. */
function asText(path: unknown): string {
  if (typeof path === 'string') return path
  if (types.isRegExp(path)) return `(${path.source})`
  if (Array.isArray(path)) return `(${path.flat(Infinity).map(asText).join('|')})`
  return ''
}

function tidy(route: string): string {
  const single = route.includes('//') ? route.replace(/\/{2,}/g, '/') : route
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single || '/'
}
