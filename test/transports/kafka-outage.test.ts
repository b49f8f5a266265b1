import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { Kafka, logLevel, type Consumer, type EachMessagePayload, type Producer } from 'kafkajs'
import { traceKafka } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'
import {
  consumeMessages,
  createTopic,
  plainKafka,
  sendMessages,
  startKafkaBroker,
} from '../support/kafka-broker.ts'
import { assertChain } from '../support/span-chain.ts'
import { freePort } from '../support/program.ts'

describe('traced Kafka clients that are told to stop, to go back, or lose their broker', async () => {
  const broker = await startKafkaBroker()
  if (typeof broker === 'string') {
    it('do what they do untraced', { skip: process.env['CI'] ? false : broker }, () => assert.fail(broker))
    return
  }
  after(() => broker.stop())
  const { brokers, own } = broker
  const test = createTestTracing()
  const { tracing } = test
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
    test.assertClean()
  })

  const traced = (): Kafka => traceKafka(tracing, plainKafka(brokers))
  let topics = 0
  async function newTopic(partitions = 1): Promise<string> {
    const topic = `outage-${process.pid}-${++topics}`
    await createTopic(brokers, topic, { partitions })
    return topic
  }

  async function consumerOf(kafka: Kafka, topic: string): Promise<Consumer> {
    const consumer = kafka.consumer({
      groupId: `group-${topic}`,
      maxWaitTimeInMs: 100,
      retry: { initialRetryTime: 50, retries: 50 },
    })
    await consumer.connect()
    ends.push(() => consumer.disconnect())
    await consumer.subscribe({ topic, fromBeginning: true })
    return consumer
  }

  it('go back to an offset: a message that comes again is another arrival', async () => {
    const topic = await newTopic()
    await sendMessages(traced(), topic, [{ value: '1' }])
    const [send] = await test.take(1)
    const consumer = await consumerOf(traced(), topic)
    let times = 0
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ partition }: EachMessagePayload): Promise<void> => {
        if (++times === 2) resolve()
        else consumer.seek({ topic, partition, offset: '0' })
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    const spans = await test.take(4, 20_000)
    const receives = spans.filter(({ name }) => name === 'receive')
    assert.deepEqual(
      receives.map(({ parentId }) => parentId),
      [send!.id, send!.id],
    )
    assert.notEqual(receives[0]!.id, receives[1]!.id)
  })

  it('pause from within a handler, and resume', async () => {
    const topic = await newTopic()
    await sendMessages(traced(), topic, [{ value: '1' }, { value: '2' }])
    const consumer = await consumerOf(traced(), topic)
    const order: string[] = []
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async (payload: EachMessagePayload): Promise<void> => {
        order.push(String(payload.message.value))
        if (order.length > 1) return resolve()
        const resume = payload.pause()
        setImmediate(() => {
          assert.deepEqual(consumer.paused(), [{ topic, partitions: [0] }])
          order.push('paused')
          resume()
        })
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    assert.deepEqual(order, ['1', 'paused', '2'])
    await test.take(6, 20_000)
  })

  it('commit what they read with what they write', async () => {
    const [orders, bills] = [await newTopic(), await newTopic()]
    await sendMessages(traced(), orders, [{ value: '7' }])
    const kafka = traced()
    const transactionalId = `tx-${orders}`
    const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    ends.push(() => producer.disconnect())
    const consumer = kafka.consumer({ groupId: `group-${orders}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    ends.push(() => consumer.disconnect())
    await consumer.subscribe({ topic: orders, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ partition, message }: EachMessagePayload): Promise<void> => {
        const transaction = await producer.transaction()
        await transaction.send({ topic: bills, messages: [{ value: message.value }] })
        const partitions = [{ partition, offset: String(Number(message.offset) + 1) }]
        await transaction.sendOffsets({
          consumerGroupId: `group-${orders}`,
          topics: [{ topic: orders, partitions }],
        })
        await transaction.commit()
        resolve()
      }
      consumer.run({ autoCommit: false, eachMessage }).catch(reject)
    })
    await consumeMessages(traced(), bills, 1)
    const spans = await test.take(6, 20_000)
    assertChain(spans, ['send', 'receive', 'process', 'send', 'receive', 'process'])
    const admin = plainKafka(brokers).admin()
    await admin.connect()
    const [committed] = await admin.fetchOffsets({ groupId: `group-${orders}`, topics: [orders] })
    await admin.disconnect()
    assert.equal(committed!.partitions[0]!.offset, '1')
  })

  it('tell of a broker that is not there in the same words', async () => {
    const nowhere = new Kafka({
      brokers: [`127.0.0.1:${await freePort()}`],
      logLevel: logLevel.NOTHING,
      retry: { retries: 1, initialRetryTime: 10 },
    })
    const said: string[][] = []
    for (const kafka of [nowhere, traceKafka(tracing, nowhere)]) {
      const [producer, consumer] = [kafka.producer(), kafka.consumer({ groupId: 'nobody' })]
      said.push([
        await refusal(producer.connect()),
        await refusal(producer.send({ topic: 'nowhere', messages: [{ value: '1' }] })),
        await refusal(consumer.connect()),
        await refusal(consumer.run({ eachMessage: async () => {} })),
      ])
      await Promise.all([producer.disconnect(), consumer.disconnect()])
    }
    assert.deepEqual(said[1], said[0])
    const [send] = await test.take(1)
    assert.ok(send!.tags!['error'])
  })

  it('go on when it comes back', { skip: own ? false : 'the broker is not ours to end' }, async () => {
    const topic = await newTopic()
    const impatient = new Kafka({
      brokers,
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      connectionTimeout: 500,
    })
    const producers: Producer[] = [impatient, traceKafka(tracing, impatient)].map((kafka) => kafka.producer())
    for (const producer of producers) {
      await producer.connect()
      ends.push(() => producer.disconnect())
      await producer.send({ topic, messages: [{ value: 'before' }] })
    }
    const seen: string[] = []
    const arrivals = new Map<string, () => void>()
    const arrival = (value: string): Promise<void> =>
      new Promise((resolve) => {
        if (seen.includes(value)) resolve()
        else arrivals.set(value, resolve)
      })
    const consumer = await consumerOf(traced(), topic)
    await consumer.run({
      async eachMessage({ message }) {
        seen.push(String(message.value))
        arrivals.get(String(message.value))?.()
      },
    })
    await arrival('before')

    await own!.kill()
    const failures = await Promise.all(
      producers.map((producer) => refusal(producer.send({ topic, messages: [{ value: 'lost' }] }))),
    )
    // Which of its connections it finds closed first is chance.
    assert.deepEqual(
      failures.map((said) => said.split(':')[0]),
      Array(2).fill('KafkaJSConnectionError'),
    )
    await own!.start()

    await sendMessages(traced(), topic, [{ value: 'after' }])
    await arrival('after')
    for (const end of ends.splice(0)) await end()
    const spans = test.spans.splice(0)
    const lost = spans.filter(({ tags }) => tags?.['error'] !== undefined)
    assert.deepEqual(
      lost.map(({ name }) => name),
      ['send'],
    )
    const last = spans.findLast(({ name }) => name === 'process')!
    assertChain(
      spans.filter(({ traceId }) => traceId === last.traceId),
      ['send', 'receive', 'process'],
    )
  })
})

function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: Error) => `${error.name}: ${error.message}`,
  )
}
