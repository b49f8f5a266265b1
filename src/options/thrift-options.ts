import { describe } from '../host/log.ts'

/** How the calls of a Thrift client are traced. A server takes every form, whatever its clients write. */
export interface ThriftOptions {
  /**
   * How the trace travels:
   * - `field` (the default): in one more field of the arguments, which peers that know nothing of it skip;
   * - `prefix`: in a trace frame before the message, 48 bytes shorter; every peer must know it, or it ends the
   *   connection;
   * - `auto`: in the field, and in a frame once the peer of this connection has shown that it knows frames;
   * - `off`: not at all; calls are recorded all the same.
   *
   * Over HTTP and WebSocket nothing is put before a message: there `prefix` and `auto` are `field`.
   */
  readonly propagation?: 'field' | 'prefix' | 'auto' | 'off'
  /**
   * The keys of the field. Default `['b3']`; OpenTelemetry Java reads `traceparent`, unless it is configured otherwise.
   */
  readonly fieldKeys?: readonly ('b3' | 'traceparent')[]
  /**
   * Whether a call is left as it is, without a span, by the name of its service and the host of its server; each is
   * undefined where it is not known. For drivers that speak Thrift to other people's servers. Default: no call is.
   */
  readonly ignore?: (service: string | undefined, host: string | undefined) => boolean
  /**
   * How long a call may wait for its answer, in milliseconds, before its span ends with the tag `tdist.ended`. Default
   * 60,000 for a client's call, whose span then has the error `no response`, and 600,000 for a server's, whose span has
   * no error. The call itself goes on.
   */
  readonly maxSpanAgeMs?: number
  /**
   * Whether a call fails when its connection (over HTTP, its request) fails or times out. Default false: npm's thrift
   * lets such a call wait for ever.
   */
  readonly failPendingOnClose?: boolean
  /** Whether calls over HTTP carry the trace in HTTP headers as well. Default true. */
  readonly httpHeaders?: boolean
}

/** What `propagation` may be. */
export const THRIFT_PROPAGATIONS = ['field', 'prefix', 'auto', 'off'] as const

/** Checks Thrift's options. Throws a TypeError of one line that says what to give instead. */
export function checkThrift({ propagation = 'field', fieldKeys = ['b3'] }: ThriftOptions): void {
  if (!THRIFT_PROPAGATIONS.includes(propagation))
    throw new TypeError(
      `thrift.propagation is ${describe(propagation)}; use one of ${THRIFT_PROPAGATIONS.join(', ')}`,
    )
  const isKnown = (key: unknown): boolean => key === 'b3' || key === 'traceparent'
  if (!Array.isArray(fieldKeys) || fieldKeys.length === 0 || !fieldKeys.every(isKnown))
    throw new TypeError(`thrift.fieldKeys is ${describe(fieldKeys)}; give b3, traceparent or both in a list`)
}
