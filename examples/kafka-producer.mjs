// Sends an order to Kafka, traced by hand. The spans are printed, one a line; kafka-consumer.mjs goes on with the trace.
//
//   npm ci && npm run build
//   KAFKA_BROKERS=127.0.0.1:9092 node examples/kafka-producer.mjs
import { Kafka, logLevel } from 'kafkajs'
import { consoleSender, createTracing } from 'tdist'
import { traceKafka } from 'tdist/kafkajs'

const tracing = createTracing({ serviceName: 'shop', sender: consoleSender() })
const brokers = process.env.KAFKA_BROKERS.split(',')
const kafka = traceKafka(tracing, new Kafka({ brokers, logLevel: logLevel.NOTHING }))

const admin = kafka.admin()
await admin.connect()
await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 1 }], waitForLeaders: true })
await admin.disconnect()

const producer = kafka.producer()
await producer.connect()
await tracing.tracer.trace('checkout', () =>
  producer.send({ topic: 'orders', messages: [{ value: '{"sku":"sku-7"}' }] }),
)
await producer.disconnect()
await tracing.close()
