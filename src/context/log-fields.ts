import type { Span } from '../span/span.ts'

/** The fields by which a log line names the trace that it belongs to. */
export interface LogFields {
  readonly traceId?: string
  readonly spanId?: string
  readonly parentId?: string
  readonly sampled?: boolean
}

/** A span's IDs as plain fields, absent ones left out. Each call makes a new object, for loggers write into it. */
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
