import type { Span } from '../span/span.ts'

/** What a log line says of the trace it belongs to; TDist named the thread after it. */
export interface LogFields {
  readonly traceId?: string
  readonly spanId?: string
  readonly parentId?: string
  readonly sampled?: boolean
}

/** A span's IDs as plain fields, absent ones left out. An object of the caller's own: loggers write into it. */
export function logFields(span: Span | undefined): LogFields {
  if (!span) return {}
  const { traceId, spanId, parentId, sampled } = span.context
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? undefined : { parentId }),
    ...(sampled === undefined ? undefined : { sampled }),
  }
}
