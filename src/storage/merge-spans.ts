import type { Endpoint, ZipkinSpan } from '../codec/zipkin-span.ts'

/**
 * Cleans the spans of one trace as Zipkin does before it makes a tree of them: sorted by ID, a client's half before
 * the server's; what was delivered twice, or reported in pieces, is one span; all have the longest trace ID; a
 * server's half that shares its client's ID says so and knows its parent. The spans given are not changed.
 */
export function mergeSpans(spans: readonly ZipkinSpan[]): ZipkinSpan[] {
  const sorted = spans.map((span) => ({ ...span })).sort(byIdThenClientFirst)
  const traceId = longestTraceId(sorted)
  const merged: ZipkinSpan[] = []
  let sameId = 0
  for (const span of sorted) {
    span.traceId = traceId
    if (span.parentId === span.id) span.parentId = undefined
    if (merged[sameId]?.id !== span.id) sameId = merged.length
    const twin = findPiece(merged, sameId, span)
    if (twin) {
      mergeInto(twin, span)
      continue
    }
    const client = merged[sameId]
    if (client) completeServerHalf(client, span)
    merged.push(span)
  }
  return merged
}

function findPiece(merged: readonly ZipkinSpan[], from: number, span: ZipkinSpan): ZipkinSpan | undefined {
  for (let i = from; i < merged.length; i++) if (arePieces(merged[i]!, span)) return merged[i]
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
  if (piece.tags) span.tags = { ...span.tags, ...piece.tags }
  if (piece.annotations) span.annotations = mergeAnnotations(span.annotations ?? [], piece.annotations)
}

function mergeEndpoints(a: Endpoint | undefined, b: Endpoint | undefined): Endpoint | undefined {
  return a && b ? { ...b, ...a } : (a ?? b)
}

function mergeAnnotations(
  a: NonNullable<ZipkinSpan['annotations']>,
  b: NonNullable<ZipkinSpan['annotations']>,
): NonNullable<ZipkinSpan['annotations']> {
  const seen = new Map(
    [...a, ...b].map((annotation) => [`${annotation.timestamp} ${annotation.value}`, annotation]),
  )
  return [...seen.values()].sort((x, y) => x.timestamp - y.timestamp)
}
