import { type Extra, traceContext, type TraceContext } from '../span/trace-context.ts'

/** Reads one header of a carrier; names come in lower case. Undefined when it is absent. */
export type Getter<Carrier> = (carrier: Carrier, name: string) => string | undefined

/** Writes one header of a carrier; names come in lower case. */
export type Setter<Carrier> = (carrier: Carrier, name: string, value: string) => void

/**
 * What was found in a request: a whole context, or only a sampling decision (with `context` undefined), or
 * nothing at all. Malformed IDs are as if none had come: the receiver starts anew.
 */
export interface Extracted {
  readonly context: TraceContext | undefined
  /** The caller's decision: undefined leaves it to the receiver. Same as the context's when there is one. */
  readonly sampled: boolean | undefined
  readonly debug: boolean
  /** Whether a server may share the caller's span ID: true of B3, false of W3C. */
  readonly joinable: boolean
  /** Present even when there is no context: baggage may come with no trace. Else the same as the context's. */
  readonly extra: Extra | undefined
}

/** One format of headers. */
export interface Propagation {
  /** Every trace header it may write, in lower case. Baggage is not among them: who clears a trace keeps it. */
  readonly keys: readonly string[]
  inject<Carrier>(context: TraceContext, carrier: Carrier, set: Setter<Carrier>): void
  /** Undefined when the carrier bears nothing of this format, or nothing that is well formed. */
  extract<Carrier>(carrier: Carrier, get: Getter<Carrier>): Extracted | undefined
}

/** What was found, carrying `extra` besides what it carried. */
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
