import { describe } from '../host/log.ts'

/** How Kafka's messages are traced. */
export interface KafkaOptions {
  /**
   * What carries the trace: the message's `headers` (the default), or the `payload`, as a trace frame before the value
   * (docs/wire-format.md), which only consumers that are traced as well can read. A message without a value carries it
   * in its headers either way.
   */
  readonly carrier?: 'headers' | 'payload'
  /**
   * The most messages of one call that have a PRODUCER span each. Default 100. A call with more has one span for each
   * topic, with the number of messages in the tag `kafka.batch.size`.
   */
  readonly maxSpansPerSend?: number
  /**
   * The most CONSUMER spans for the messages of one batch. Default 500. The tag `kafka.batch.spans_left_out` says how
   * many more there would have been.
   */
  readonly maxSpansPerBatch?: number
  /**
   * Whether the key of a message, where it is text, becomes the tag `kafka.key`. Default false: keys often name people.
   */
  readonly tagKey?: boolean
  /** The service name in the remote endpoint of the spans. Default `kafka`. */
  readonly remoteServiceName?: string
  /** Whether the messages of a topic are left as they are, without spans and headers. Default: no topic's are. */
  readonly ignore?: (topic: string) => boolean
  /** Whether to record a trace that begins with a message. Undefined leaves that to the tracing's `sampler`. */
  readonly sampler?: (topic: string, kind: 'PRODUCER' | 'CONSUMER') => boolean | undefined
}

/** What `carrier` may be. */
export const KAFKA_CARRIERS = ['headers', 'payload'] as const

/** Checks Kafka's options. Throws a TypeError of one line that says what to give instead. */
export function checkKafka({ carrier = 'headers' }: KafkaOptions): void {
  if (!KAFKA_CARRIERS.includes(carrier))
    throw new TypeError(`kafka.carrier is ${describe(carrier)}; use ${KAFKA_CARRIERS.join(' or ')}`)
}
