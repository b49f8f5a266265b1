/** What travels with the IDs: baggage fields by name, W3C's tracestate as it came, and W3C's random flag. */
export interface Extra {
  readonly baggage?: Readonly<Record<string, string>> | undefined
  readonly tracestate?: string | undefined
  /** The caller says that the last 56 bits of the trace ID are random. W3C wants it said again downstream. */
  readonly random?: boolean | undefined
}

/**
 * The IDs and flags of a span that go over the wire. `sampled` undefined means that the decision is left to the
 * receiver (defer); `debug` implies sampled.
 */
export interface TraceContext {
  /** 16 or 32 lower-hex characters. */
  readonly traceId: string
  /** 16 lower-hex characters. */
  readonly spanId: string
  readonly parentId: string | undefined
  readonly sampled: boolean | undefined
  readonly debug: boolean
  /** Whether this side joined a span that its caller began, as servers may with B3. */
  readonly shared: boolean
  readonly extra: Extra | undefined
}

/** Every context is made here, so all have one shape. */
export function traceContext(
  traceId: string,
  spanId: string,
  parentId?: string,
  sampled?: boolean,
  debug = false,
  shared = false,
  extra?: Extra,
): TraceContext {
  return { traceId, spanId, parentId, sampled: debug ? true : sampled, debug, shared, extra }
}
