import { type Extra, traceContext, type TraceContext } from '../span/trace-context.ts'

/** Reads one header of a carrier; names come in lower case. Undefined when it is absent. */
export type Getter<Carrier> = (carrier: Carrier, name: string) => string | undefined

/** Writes one header of a carrier; names come in lower case. */
export type Setter<Carrier> = (carrier: Carrier, name: string, value: string) => void

/**
 * What was found in a request: a whole context, or only a sampling decision (`context` is undefined then). Malformed
 * IDs count as none: the receiver begins a new trace.
 */
export interface Extracted {
  readonly context: TraceContext | undefined
  /** The caller's decision; undefined leaves it to the receiver. The same as the context's when there is one. */
  readonly sampled: boolean | undefined
  readonly debug: boolean
  /** Whether a server may share the caller's span ID: true of B3, false of W3C. */
  readonly joinable: boolean
  /**
   * Baggage and the like. It may be there without a context, since baggage may come with no trace; else the context's.
   */
  readonly extra: Extra | undefined
}

/** One format of headers. */
export interface Propagation {
  /**
   * Every trace header that it may write, in lower case. Baggage is not among them: it stays where a trace is removed.
   */
  readonly keys: readonly string[]
  /** Writes a context to a carrier. */
  inject<Carrier>(context: TraceContext, carrier: Carrier, set: Setter<Carrier>): void
  /** Reads a carrier. Undefined when it has nothing of this format, or nothing that is well formed. */
  extract<Carrier>(carrier: Carrier, get: Getter<Carrier>): Extracted | undefined
}

/** What was found, with `extra` added to what it carries. */
export function withExtra(found: Extracted | undefined, extra: Extra): Extracted {
  if (found === undefined) {
    return { context: undefined, sampled: undefined, debug: false, joinable: false, extra }
  }
  const { context, sampled, debug, joinable } = found
  const all = found.extra === undefined ? extra : { ...found.extra, ...extra }
  if (context === undefined) return { context, sampled, debug, joinable, extra: all }
  const { traceId, spanId, parentId, shared } = context
  const more = traceContext(traceId, spanId, parentId, sampled, debug, shared, all)
  return { context: more, sampled, debug, joinable, extra: all }
}
