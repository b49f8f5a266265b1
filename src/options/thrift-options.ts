import { describe } from '../host/log.ts'

/** How the calls of a Thrift client are traced. A server takes every form, whatever its clients write. */
export interface ThriftOptions {
  /**
   * How the trace travels:
   * - `field` (the default): in one more field of the arguments, which peers that know nothing of it skip;
   * - `prefix`: in a trace frame before the message, 48 bytes shorter; every peer must know it, or it ends the connection;
   * - `auto`: in the field, and in a frame once the peer of this connection has shown that it knows frames;
   * - `off`: not at all; calls are recorded all the same.
   *
   * Over HTTP and WebSocket nothing is put before a message: there `prefix` and `auto` are `field`.
   */
  readonly propagation?: 'field' | 'prefix' | 'auto' | 'off'
  /** What the field says. Default `['b3']`; OpenTelemetry Java reads `traceparent` unless it is told otherwise. */
  readonly fieldKeys?: readonly ('b3' | 'traceparent')[]
  /** Calls that are left as they are: drivers speak Thrift to servers of other people. */
  readonly ignore?: (service: string | undefined, host: string | undefined) => boolean
  /**
   * After how many milliseconds without an answer a call's span ends. Default 60,000 for a client's, which then says
   * `no response`; 600,000 for a server's, which then is no error.
   */
  readonly maxSpanAgeMs?: number
  /** Whether calls fail when their connection (over HTTP, their request) does or times out; npm's thrift leaves them open. Default false. */
  readonly failPendingOnClose?: boolean
  /** Whether calls over HTTP have B3 headers as well. Default true. */
  readonly httpHeaders?: boolean
}

/** What `propagation` may be. */
export const THRIFT_PROPAGATIONS = ['field', 'prefix', 'auto', 'off'] as const

/** Throws one line that says what to give instead. */
export function checkThrift({ propagation = 'field', fieldKeys = ['b3'] }: ThriftOptions): void {
  if (!THRIFT_PROPAGATIONS.includes(propagation))
    throw new TypeError(
      `thrift.propagation is ${describe(propagation)}; use one of ${THRIFT_PROPAGATIONS.join(', ')}`,
    )
  const isKnown = (key: unknown): boolean => key === 'b3' || key === 'traceparent'
  if (!Array.isArray(fieldKeys) || fieldKeys.length === 0 || !fieldKeys.every(isKnown))
    throw new TypeError(`thrift.fieldKeys is ${describe(fieldKeys)}; give b3, traceparent or both in a list`)
}
