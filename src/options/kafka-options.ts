import { describe } from '../host/log.ts'

/** How Kafka's messages are traced. */
export interface KafkaOptions {
  /**
   * What carries the trace: the message's `headers` (the default), or the `payload`, as a trace frame before the value
   * (docs/wire-format.md), which only consumers that are traced as well can read. A message without a value carries it
   * in its headers either way.
   */
  readonly carrier?: 'headers' | 'payload'
  /** A call with more messages than this is one span rather than one a message. Default 100. */
  readonly maxSpansPerSend?: number
  /** The most spans for the messages that a batch brings; what is over is seen in a tag. Default 500. */
  readonly maxSpansPerBatch?: number
  /** Whether a key that is text is tagged as `kafka.key`. Default false: keys name people. */
  readonly tagKey?: boolean
  /** The name of the remote service. Default `kafka`. */
  readonly remoteServiceName?: string
  /** Topics whose messages are left as they are. */
  readonly ignore?: (topic: string) => boolean
  /** Decides for a trace that begins with a message; undefined leaves it to the tracing's sampler. */
  readonly sampler?: (topic: string, kind: 'PRODUCER' | 'CONSUMER') => boolean | undefined
}

/** What `carrier` may be. */
export const KAFKA_CARRIERS = ['headers', 'payload'] as const

/** Throws one line that says what to give instead. */
export function checkKafka({ carrier = 'headers' }: KafkaOptions): void {
  if (!KAFKA_CARRIERS.includes(carrier))
    throw new TypeError(`kafka.carrier is ${describe(carrier)}; use ${KAFKA_CARRIERS.join(' or ')}`)
}
