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
