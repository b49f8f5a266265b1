import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import { instrumentation, type Instrumentation } from '../hooks/instrumentation.ts'
import { TracedHandlers } from './consumer.ts'
import { kafkaHandler } from './handler.ts'
import type { KafkaOptions } from '../../options/kafka-options.ts'
import { TracedSends } from './producer.ts'
import { MAIN_FILES } from '../hooks/main-files.ts'
import { whenLoaded } from '../hooks/when-loaded.ts'
import { overrideMethods } from '../hooks/override-methods.ts'
import { tracedOnce } from '../hooks/traced-once.ts'
import { patch, uninstallAll, unpatched } from '../../host/patch.ts'

export { runWithMessage } from '../protocols/message-arrival.ts'
export type { KafkaOptions } from '../../options/kafka-options.ts'
export { tracingDeserializer, tracingSerializer, type Deserializer, type Serializer } from './serializers.ts'

type Method = (this: unknown, ...args: never[]) => unknown

/** A client of kafkajs, or of Confluent's library by the same interface. */
export interface KafkaClient {
  producer: Method
  consumer: Method
}

export interface KafkaProducer {
  send: Method
  sendBatch: Method
  transaction: Method
}

export interface KafkaConsumer {
  run: Method
}

/**
 * Returns the client with its producers and consumers traced. It is another object, still an instance of the same
 * class; the client that was given stays untraced.
 *
 * Each message that is sent is a PRODUCER span `send`. A copy of the message carries the span's context, in the header
 * `b3` or, with `carrier: 'payload'`, before the value: nothing of the caller's is changed. Each message that comes is
 * a CONSUMER span `receive`, with the handler's work below it. `options` default to those of `createTracing({ kafka
 * })`. Never throws.
 */
export function traceKafka<K extends KafkaClient>(tracing: Tracing, kafka: K, options?: KafkaOptions): K {
  assumeOurs(tracing)
  return tracedOnce(tracing, 'kafka', kafka, () => {
    const producer = unpatched(kafka.producer)
    const consumer = unpatched(kafka.consumer)
    return overrideMethods(kafka, {
      producer: (...args) =>
        traceProducer(tracing, Reflect.apply(producer, kafka, args) as KafkaProducer, options),
      consumer: (...args) =>
        traceConsumer(tracing, Reflect.apply(consumer, kafka, args) as KafkaConsumer, options),
    })
  })
}

/**
 * Returns the producer with `send` and `sendBatch` traced, and both of each `transaction()`, as {@link traceKafka}
 * does.
 */
export function traceProducer<P extends KafkaProducer>(
  tracing: Tracing,
  producer: P,
  options?: KafkaOptions,
): P {
  assumeOurs(tracing)
  const settings = options ?? tracing.kafka
  return tracedOnce(tracing, 'kafka', producer, () => {
    const sends = new TracedSends(tracing, kafkaHandler(tracing, settings), settings)
    const tracedSends = <T extends Pick<KafkaProducer, 'send' | 'sendBatch'>>(
      one: T,
      more: Record<string, Method> = {},
    ): T => {
      const { send, sendBatch } = one
      return overrideMethods(one, {
        send: (...args) => sends.send(send, one, args),
        sendBatch: (...args) => sends.sendBatch(sendBatch, one, args),
        ...more,
      })
    }
    const { transaction } = producer
    return tracedSends(producer, {
      async transaction(...args) {
        const one = (await Reflect.apply(transaction, producer, args)) as KafkaProducer
        return tracedOnce(tracing, 'kafka', one, () => tracedSends(one))
      },
    })
  })
}

/** Returns the consumer with the handlers of `run` traced, as {@link traceKafka} does. */
export function traceConsumer<C extends KafkaConsumer>(
  tracing: Tracing,
  consumer: C,
  options?: KafkaOptions,
): C {
  assumeOurs(tracing)
  const settings = options ?? tracing.kafka
  return tracedOnce(tracing, 'kafka', consumer, () => {
    const handlers = new TracedHandlers(tracing, kafkaHandler(tracing, settings), settings)
    const { run } = consumer
    return overrideMethods(consumer, {
      // What runs from here on is not the work of whoever calls this.
      run: (...args) => tracing.dataManager.apply(undefined, run, consumer, handlers.in(args)),
    })
  })
}

/** Traces every producer and consumer of kafkajs, also those that a framework makes (NestJS). */
export const kafkajs: Instrumentation = instrumentation('kafkajs', (tracing) => {
  return whenLoaded(MAIN_FILES.kafkajs[0], ({ Kafka }: { Kafka: { prototype: KafkaClient } }) => {
    return uninstallAll([
      patch(Kafka.prototype, 'producer', (original) => {
        return function (...args) {
          return traceProducer(tracing, Reflect.apply(original, this, args) as KafkaProducer)
        }
      }),
      patch(Kafka.prototype, 'consumer', (original) => {
        return function (...args) {
          return traceConsumer(tracing, Reflect.apply(original, this, args) as KafkaConsumer)
        }
      }),
    ])
  })
})
