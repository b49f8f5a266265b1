export { kafkaSender } from './publisher/senders/kafka-sender.ts'
export type { KafkaSenderOptions } from './publisher/senders/kafka-sender.ts'
export {
  kafkajs,
  runWithMessage,
  traceConsumer,
  traceKafka,
  traceProducer,
  tracingDeserializer,
  tracingSerializer,
} from './transports/kafkajs/kafkajs.ts'
export type {
  Deserializer,
  KafkaClient,
  KafkaConsumer,
  KafkaOptions,
  KafkaProducer,
  Serializer,
} from './transports/kafkajs/kafkajs.ts'
