import type { Tracing } from '../tracing.ts'
import type { KafkaOptions } from './kafka-options.ts'
import { MessagingHandler } from './messaging.ts'

/** Kafka's rules for how messages are traced. */
export function kafkaHandler(tracing: Tracing, options: KafkaOptions): MessagingHandler {
  return new MessagingHandler(tracing, {
    system: 'kafka',
    remoteServiceName: options.remoteServiceName ?? 'kafka',
    ignore: options.ignore,
    sampler: options.sampler,
  })
}
