// Handles one order from Kafka, in the trace of whoever sent it: run kafka-producer.mjs before. The spans are printed.
//
//   npm ci && npm run build
//   KAFKA_BROKERS=127.0.0.1:9092 node examples/kafka-consumer.mjs
import { Kafka, logLevel } from 'kafkajs'
import { consoleSender, createTracing } from 'tdist'
import { traceKafka } from 'tdist/kafkajs'

const tracing = createTracing({ serviceName: 'orders', sender: consoleSender() })
const brokers = process.env.KAFKA_BROKERS.split(',')
const kafka = traceKafka(tracing, new Kafka({ brokers, logLevel: logLevel.NOTHING }))

const consumer = kafka.consumer({ groupId: 'orders' })
await consumer.connect()
await consumer.subscribe({ topic: 'orders', fromBeginning: true })
await new Promise((resolve, reject) => {
  const eachMessage = async ({ message }) => {
    console.log(`order ${message.value}`)
    resolve()
  }
  consumer.run({ eachMessage }).catch(reject)
})
await consumer.disconnect()
await tracing.close()
