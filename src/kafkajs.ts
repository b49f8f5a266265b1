export { kafkaSender } from './publisher/kafka-sender.ts'
export type { KafkaSenderOptions } from './publisher/kafka-sender.ts'
