import { createRequire } from 'node:module'
import type * as Kafkajs from 'kafkajs'

const TOPIC = 'tdist-demo'

/** Loads kafkajs, which only a demo with brokers needs. */
function client(brokers: string): Kafkajs.Kafka {
  const { Kafka, logLevel } = createRequire(import.meta.url)('kafkajs') as typeof Kafkajs
  return new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
}

/** A function that tells by Kafka which product was looked at; undefined where there are no brokers. */
export function viewTeller(brokers: string | undefined): ((sku: string) => Promise<void>) | undefined {
  if (brokers === undefined) return undefined
  const producer = client(brokers).producer()
  const connected = producer.connect()
  return async (sku) => {
    await connected
    await producer.send({ topic: TOPIC, messages: [{ key: sku, value: JSON.stringify({ sku }) }] })
  }
}

/** Calls `heard` for each product that is looked at from now on. Resolves once it is listening. */
export async function hearViews(brokers: string, heard: (sku: string) => Promise<void>): Promise<void> {
  const kafka = client(brokers)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1, replicationFactor: 1 }] })
  await admin.disconnect()
  const consumer = kafka.consumer({ groupId: `${TOPIC}-${process.pid}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: TOPIC })
  const fetching = new Promise<void>((resolve) => consumer.on(consumer.events.FETCH_START, () => resolve()))
  await consumer.run({
    eachMessage: ({ message }) => heard((JSON.parse(String(message.value)) as { sku: string }).sku),
  })
  await fetching
}
