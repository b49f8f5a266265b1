import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import type { Consumer, EachBatchPayload, EachMessagePayload, Kafka, KafkaMessage, Producer } from 'kafkajs'
import type { ZipkinSpan } from 'tdist'
import { runWithMessage, traceKafka, type KafkaOptions } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'
import { loadConfluentKafka } from '../support/confluent-kafka.ts'
import { createTopic, readTopic, startKafkaBroker } from '../support/kafka-broker.ts'
import { assertChain } from '../support/span-chain.ts'

describe('Confluent’s client', async () => {
  const confluent = await loadConfluentKafka()
  const broker = typeof confluent === 'string' ? confluent : await startKafkaBroker()
  if (typeof confluent === 'string' || typeof broker === 'string') {
    const why = typeof broker === 'string' ? broker : ''
    const skip = process.env['CI'] && !why.includes('alone') ? false : why
    it('is traced as kafkajs is', { skip }, () => assert.fail(why))
    return
  }
  after(() => broker.stop())
  const { brokers } = broker
  const test = createTestTracing()
  const { tracing } = test
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
    test.assertClean()
  })

  const plain = (): Kafka => new confluent.Kafka({ kafkaJS: { brokers, logLevel: 0 } })
  const traced = (options?: KafkaOptions): Kafka => traceKafka(tracing, plain(), options)

  let topics = 0
  async function newTopic(): Promise<string> {
    const topic = `confluent-${process.pid}-${++topics}`
    await createTopic(brokers, topic)
    return topic
  }

  async function producerOf(kafka: Kafka, config: object = {}): Promise<Producer> {
    const producer = kafka.producer({ kafkaJS: config } as never)
    await producer.connect()
    ends.push(() => producer.disconnect())
    return producer
  }

  async function consumerOf(kafka: Kafka, topic: string): Promise<Consumer> {
    const config = { groupId: `group-${topic}`, fromBeginning: true }
    const consumer = kafka.consumer({ kafkaJS: config } as never)
    await consumer.connect()
    ends.push(() => consumer.disconnect())
    await consumer.subscribe({ topic })
    return consumer
  }

  async function consume(kafka: Kafka, topic: string, count: number): Promise<KafkaMessage[]> {
    const consumer = await consumerOf(kafka, topic)
    const seen: KafkaMessage[] = []
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: EachMessagePayload): Promise<void> => {
        if (seen.push(message) === count) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    return seen
  }

  function assertChains(spans: readonly ZipkinSpan[], count: number, names: readonly string[]): void {
    const traceIds = new Set(spans.map(({ traceId }) => traceId))
    assert.equal(traceIds.size, count)
    for (const id of traceIds) {
      assertChain(
        spans.filter(({ traceId }) => traceId === id),
        names,
      )
    }
  }

  for (const carrier of ['headers', 'payload'] as const) {
    it(`send, sendBatch and eachMessage, by ${carrier}`, async () => {
      const topic = await newTopic()
      const kafka = traced({ carrier })
      assert.ok(kafka instanceof confluent.Kafka)
      const producer = await producerOf(kafka)
      const message = { key: 'k', value: 'v', headers: Object.freeze({ app: 'x' }) }
      const [stored] = await producer.send({ topic, messages: [message] })
      assert.equal(stored!.topicName, topic)
      await producer.sendBatch({ topicMessages: [{ topic, messages: [message, message] }] })
      const seen = await consume(kafka, topic, 3)
      assert.deepEqual(
        seen.map(({ key, value, headers }) => [String(key), String(value), String(headers!['app'])]),
        Array(3).fill(['k', 'v', 'x']),
      )
      const spans = await test.take(9, 30_000)
      assertChains(spans, 3, ['send', 'receive', 'process'])
      assert.equal(spans[0]!.tags!['kafka.offset'], '0')

      // It writes into what it is given, so it refuses what is frozen.
      for (const one of [await producerOf(plain()), producer])
        await assert.rejects(one.send({ topic, messages: [Object.freeze({ ...message })] }), TypeError)
      assert.match(String((await test.take(1))[0]!.tags!['error']), /partition/)
    })
  }

  it('eachBatch, and what is done with each message', async () => {
    const topic = await newTopic()
    const kafka = traced()
    const producer = await producerOf(kafka)
    await producer.send({ topic, messages: [{ value: '1' }, { value: '2' }] })
    const consumer = await consumerOf(kafka, topic)
    let handled = 0
    await new Promise<void>((resolve, reject) => {
      const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
        for (const message of batch.messages) {
          await runWithMessage(message, 'work', async () => {})
          if (++handled === 2) resolve()
        }
      }
      consumer.run({ eachBatch }).catch(reject)
    })
    for (const end of ends.splice(0)) await end()
    // How many batches there are is the client's to say.
    const spans = test.spans.splice(0)
    assertChains(
      spans.filter(({ name }) => name !== 'process'),
      2,
      ['send', 'receive', 'work'],
    )
  })

  it('a transaction', async () => {
    const topic = await newTopic()
    const kafka = traced()
    const producer = await producerOf(kafka, { transactionalId: `tx-${topic}` })
    const aborted = await producer.transaction()
    await aborted.send({ topic, messages: [{ value: 'aborted' }] })
    await aborted.abort()
    const committed = await producer.transaction()
    await committed.send({ topic, messages: [{ value: 'kept' }] })
    await committed.commit()
    const [kept] = await consume(kafka, topic, 1)
    assert.equal(String(kept!.value), 'kept')
    const [, ...spans] = await test.take(4, 30_000)
    assertChain(spans, ['send', 'receive', 'process'])
  })

  it('without a value, and what it refuses', async () => {
    const topic = await newTopic()
    const producer = await producerOf(traced({ carrier: 'payload' }))
    await producer.send({ topic, messages: [{ key: 'k', value: null }] })
    const [tombstone] = await readTopic(brokers, topic)
    assert.equal(tombstone!.value, null)
    await test.take(1)
    const untraced = await producerOf(plain())
    for (const bad of [null, undefined, {}, { topic, acks: 1, messages: [] }]) {
      const [wanted, got] = await Promise.all(
        [untraced, producer].map((one) =>
          one.send(bad as never).then(
            () => 'sent',
            (error: Error) => `${error.name}: ${error.message}`,
          ),
        ),
      )
      assert.equal(got, wanted)
    }
  })
})
