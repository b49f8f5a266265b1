// Orders through Kafka with the trace in their bytes: the serializers put it there, whatever client sends them. Consumers
// are upgraded first: theirs read bytes with a trace and without. The spans are printed, one a line.
//
//   npm ci && npm run build
//   KAFKA_BROKERS=127.0.0.1:9092 node examples/kafka-serializers.mjs
import { Kafka, logLevel } from 'kafkajs'
import { consoleSender, createTracing } from 'tdist'
import { runWithMessage, tracingDeserializer, tracingSerializer } from 'tdist/kafkajs'

const shop = createTracing({ serviceName: 'shop', sender: consoleSender() })
const billing = createTracing({ serviceName: 'billing', sender: consoleSender() })
const kafka = new Kafka({ brokers: process.env.KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING })
const topic = 'priced-orders'

const encode = (order) => order && Buffer.from(JSON.stringify(order))
const decode = (bytes) => bytes && JSON.parse(bytes)

const admin = kafka.admin()
await admin.connect()
await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
await admin.disconnect()

const producer = kafka.producer()
await producer.connect()
const send = (serialize, order) =>
  producer.send({ topic, messages: [{ key: 'order', value: serialize(order) }] })

// A producer that is not upgraded yet, then one that is. Null, Kafka's tombstone, stays null.
await send(encode, { sku: 'sku-6' })
const write = tracingSerializer(shop, encode)
await shop.tracer.trace('checkout', () => send(write, { sku: 'sku-7' }))
await send(write, null)
await producer.disconnect()

const read = tracingDeserializer(billing, decode)
const bill = (order) => console.log(order ? `bill ${order.sku}` : 'withdrawn')
const consumer = kafka.consumer({ groupId: 'billing' })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await new Promise((resolve, reject) => {
  const eachMessage = async ({ message }) => {
    const order = read(message.value)
    // The work on an order goes to the trace that its bytes told of.
    if (order) runWithMessage(order, 'bill', () => bill(order))
    else bill(order)
    if (order === null) resolve()
  }
  consumer.run({ eachMessage }).catch(reject)
})
await consumer.disconnect()
await Promise.all([shop.close(), billing.close()])
