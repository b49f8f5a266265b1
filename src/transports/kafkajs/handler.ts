import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import { checkKafka, type KafkaOptions } from '../../options/kafka-options.ts'
import { MessagingHandler } from '../protocols/messaging.ts'

/** Kafka's rules for how messages are traced. Throws on options that make no sense. */
export function kafkaHandler(tracing: ServiceTracing, options: KafkaOptions): MessagingHandler {
  checkKafka(options)
  return new MessagingHandler(tracing, {
    system: 'kafka',
    remoteServiceName: options.remoteServiceName ?? 'kafka',
    ignore: options.ignore,
    sampler: options.sampler,
  })
}
