import type { Endpoint, ZipkinSpan } from '../../../src/codec/zipkin-span.ts'

type Annotation = NonNullable<ZipkinSpan['annotations']>[number]

/**
 * How many spans of one ID a piece is compared with. A call has two sides, and a few more where an ID was taken twice.
 * Thousands, from whoever sends them, must not make the merge quadratic.
 */
const MOST_SIDES = 64

/**
 * Cleans the spans of one trace as Zipkin does before it makes a tree of them: sorted by ID, a client's half before
 * the server's; what was delivered twice, or reported in pieces, is one span; all have the longest trace ID; a
 * server's half that shares its client's ID says so and knows its parent. The spans given are not changed. Takes time
 * in proportion to the number of spans: of one ID the first 64 sides are merged, what comes beyond stands by itself.
 */
export function mergeSpans(spans: readonly ZipkinSpan[]): ZipkinSpan[] {
  const sorted = spans.map((span) => ({ ...span })).sort(byIdThenClientFirst)
  const traceId = longestTraceId(sorted)
  const merged: ZipkinSpan[] = []
  const pieces = new Map<ZipkinSpan, ZipkinSpan[]>()
  let sameId = 0
  for (const span of sorted) {
    span.traceId = traceId
    if (span.parentId === span.id) span.parentId = undefined
    if (merged[sameId]?.id !== span.id) sameId = merged.length
    const twin = findPiece(merged, sameId, span)
    if (twin) {
      mergeInto(twin, span)
      const known = pieces.get(twin)
      if (known) known.push(span)
      else pieces.set(twin, [span])
      continue
    }
    const client = merged[sameId]
    if (client) completeServerHalf(client, span)
    merged.push(span)
  }
  for (const [span, more] of pieces) joinLists(span, more)
  return merged
}

function findPiece(merged: readonly ZipkinSpan[], from: number, span: ZipkinSpan): ZipkinSpan | undefined {
  const end = Math.min(merged.length, from + MOST_SIDES)
  for (let i = from; i < end; i++) if (arePieces(merged[i]!, span)) return merged[i]
  return undefined
}

function completeServerHalf(client: ZipkinSpan, span: ZipkinSpan): void {
  if (client.kind === 'CLIENT' && span.kind === 'SERVER') span.shared = true
  if (span.shared && !client.shared) span.parentId ??= client.parentId
}

function longestTraceId(spans: readonly ZipkinSpan[]): string {
  let longest = ''
  for (const { traceId } of spans) if (traceId.length > longest.length) longest = traceId
  return longest
}

function byIdThenClientFirst(a: ZipkinSpan, b: ZipkinSpan): number {
  if (a.id !== b.id) return a.id < b.id ? -1 : 1
  return half(a) - half(b) || Number(!!a.localEndpoint) - Number(!!b.localEndpoint)
}

function half(span: ZipkinSpan): number {
  if (span.shared) return 2
  return span.kind === 'CLIENT' ? 0 : 1
}

/** Two reports of one side of one span: nothing that both of them say differs. */
function arePieces(a: ZipkinSpan, b: ZipkinSpan): boolean {
  if (a.kind && b.kind && a.kind !== b.kind) return false
  if (!!a.shared !== !!b.shared && !(a.kind === 'SERVER' && b.kind === 'SERVER')) return false
  return agree(a.localEndpoint, b.localEndpoint)
}

function agree(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  if (!a || !b) return true
  return (
    same(a.serviceName, b.serviceName) && same(a.ipv4, b.ipv4) && same(a.ipv6, b.ipv6) && same(a.port, b.port)
  )
}

function same<T>(a: T | undefined, b: T | undefined): boolean {
  return a === undefined || b === undefined || a === b
}

function mergeInto(span: ZipkinSpan, piece: ZipkinSpan): void {
  span.parentId ??= piece.parentId
  span.kind ??= piece.kind
  span.name ??= piece.name
  span.timestamp ??= piece.timestamp
  span.duration ??= piece.duration
  span.debug ??= piece.debug
  span.shared ??= piece.shared
  span.localEndpoint = mergeEndpoints(span.localEndpoint, piece.localEndpoint)
  span.remoteEndpoint = mergeEndpoints(span.remoteEndpoint, piece.remoteEndpoint)
}

function mergeEndpoints(a: Endpoint | undefined, b: Endpoint | undefined): Endpoint | undefined {
  return a && b ? { ...b, ...a } : (a ?? b)
}

/** Tags and annotations of all pieces at once: piece by piece each would copy all that came before. */
function joinLists(span: ZipkinSpan, pieces: readonly ZipkinSpan[]): void {
  const tags = new Map<string, string>()
  const annotations = new Map<string, Annotation>()
  for (const piece of [span, ...pieces]) {
    for (const key in piece.tags) tags.set(key, piece.tags[key]!)
    for (const one of piece.annotations ?? []) annotations.set(`${one.timestamp} ${one.value}`, one)
  }
  if (tags.size > 0) span.tags = Object.fromEntries(tags)
  if (annotations.size > 0)
    span.annotations = [...annotations.values()].sort((a, b) => a.timestamp - b.timestamp)
}
