/** The role a span plays in a call; local spans have none. */
export type Kind = 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER'

/** A network context of a node in the service graph. */
export interface Endpoint {
  readonly serviceName?: string
  readonly ipv4?: string
  readonly ipv6?: string
  readonly port?: number
}

/** An event that explains latency, with its time in epoch microseconds. */
export interface Annotation {
  readonly timestamp: number
  readonly value: string
}

/**
 * A span in Zipkin's v2 model, the shape of its JSON: https://zipkin.io/zipkin-api/ (`Span`). IDs are lower-hex;
 * `timestamp` and `duration` are microseconds.
 */
export interface ZipkinSpan {
  traceId: string
  id: string
  parentId?: string | undefined
  kind?: Kind | undefined
  name?: string | undefined
  timestamp?: number | undefined
  duration?: number | undefined
  localEndpoint?: Endpoint | undefined
  remoteEndpoint?: Endpoint | undefined
  annotations?: Annotation[] | undefined
  tags?: Record<string, string> | undefined
  debug?: boolean | undefined
  shared?: boolean | undefined
}

/** Every kind, in the order of their numbers in Zipkin's proto3, which begin at 1. */
export const KINDS: readonly Kind[] = ['CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER']

/** Whether a time or duration is valid: from 1 to 2^53 microseconds. The writer cuts off fractions. */
export function isMicros(value: number | undefined): value is number {
  return value! >= 1 && value! <= Number.MAX_SAFE_INTEGER
}

/** Whether a port is valid: not 0, and within 16 bits. For any other a collector refuses the whole list. */
export function isPort(value: number | undefined): value is number {
  return value! >= 1 && value! <= 65_535
}
