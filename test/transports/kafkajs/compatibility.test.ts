import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import {
  Kafka,
  logLevel,
  type EachMessagePayload,
  type KafkaMessage,
  type Message,
  type Producer,
} from 'kafkajs'
import { traceKafka, type KafkaOptions } from 'tdist/kafkajs'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import {
  consumeMessages,
  createTopic,
  plainKafka,
  readTopic,
  sendMessages,
  startKafkaBroker,
} from '../../support/kafka-broker.ts'
import { freePorts } from '../../support/free-ports.ts'
import { startOldBroker, type OldBroker } from '../../support/old-broker.ts'
import { assertChain } from '../../support/span-chain.ts'

describe('traced Kafka clients among others', async () => {
  const broker = await startKafkaBroker()
  if (typeof broker === 'string') {
    it('change nothing', { skip: process.env['CI'] ? false : broker }, () => assert.fail(broker))
    return
  }
  after(() => broker.stop())
  const { brokers } = broker
  const test = createTestTracing()
  afterEach(() => test.assertClean())

  const traced = (options?: KafkaOptions, by: TestTracing = test): Kafka =>
    traceKafka(by.tracing, plainKafka(brokers), options)
  let topics = 0
  async function newTopic(partitions = 1): Promise<string> {
    const topic = `compatible-${process.pid}-${++topics}`
    await createTopic(brokers, topic, { partitions })
    return topic
  }

  const MESSAGES: Message[] = [
    { key: 'a', value: 'text', headers: { app: 'x', many: ['1', '2'] } },
    { key: Buffer.from([0, 255]), value: Buffer.from('c1544410000300', 'hex') },
    { value: '' },
    { key: 'a', value: null },
  ]
  const seenOf = (messages: readonly KafkaMessage[]) =>
    messages.map(({ key, value, headers, offset }) => {
      const rest = Object.entries(headers ?? {}).filter(([name]) => name !== 'b3')
      return { key, value, offset, headers: rest }
    })

  it('as no tracing at all, in every combination', async () => {
    const untraced = await newTopic()
    await sendMessages(plainKafka(brokers), untraced, MESSAGES)
    const reference = seenOf(await consumeMessages(plainKafka(brokers), untraced, 4))
    for (const carrier of ['headers', 'payload'] as const) {
      const toTraced = await newTopic()
      await sendMessages(plainKafka(brokers), toTraced, MESSAGES)
      const fromPlain = seenOf(await consumeMessages(traced({ carrier }), toTraced, 4))
      // Of values that an untraced producer wrote, this one is an empty frame by its bytes but for the checksum.
      assert.deepEqual(fromPlain, reference, carrier)
      const roots = await test.take(8, 20_000)
      assert.equal(roots.filter(({ parentId }) => parentId === undefined).length, 4)

      const both = await newTopic()
      await sendMessages(traced({ carrier }), both, MESSAGES)
      assert.deepEqual(seenOf(await consumeMessages(traced({ carrier }), both, 4)), reference, carrier)
      const spans = await test.take(12, 20_000)
      const traceIds = new Set(spans.map(({ traceId }) => traceId))
      assert.equal(traceIds.size, 4)
      for (const id of traceIds) {
        assertChain(
          spans.filter(({ traceId }) => traceId === id),
          ['send', 'receive', 'process'],
        )
      }

      // Consumers that are not traced see headers more, or a frame: for payload they go first.
      const fromTraced = seenOf(await readTopic(brokers, both))
      if (carrier === 'headers') assert.deepEqual(fromTraced, reference)
      else {
        for (const [i, { value }] of fromTraced.entries()) {
          const wanted = reference[i]!.value
          assert.deepEqual(value?.subarray(value.length - wanted!.length), wanted ?? undefined)
        }
      }
    }
  })

  it('put each key into the partition where it was, and are told the same', async () => {
    const messages = Array.from({ length: 200 }, (_, i) => ({ key: `key ${i}`, value: String(i) }))
    const kafkas = [
      plainKafka(brokers),
      traced({ maxSpansPerSend: 1000 }),
      traced({ carrier: 'payload', maxSpansPerSend: 1000 }),
    ]
    const outcomes: unknown[] = []
    for (const kafka of kafkas) {
      const topic = await newTopic(6)
      const results = await sendMessages(kafka, topic, messages)
      // A topic that is so new may refuse some, and kafkajs sends all again: offsets are the broker's to say.
      const told = results.map((result) => ({
        ...result,
        topicName: '',
        baseOffset: typeof result.baseOffset,
      }))
      const places = (await readTopic(brokers, topic)).map(
        ({ key, partition }) => `${String(key)} in ${partition}`,
      )
      outcomes.push([told.toSorted((a, b) => a.partition - b.partition), [...new Set(places)].toSorted()])
    }
    assert.deepEqual(outcomes[1], outcomes[0])
    assert.deepEqual(outcomes[2], outcomes[0])
    await test.take(400, 20_000)
  })

  it('of three services have one trace', async () => {
    const [shop, billing, mail] = [
      createTestTracing({ serviceName: 'shop' }),
      createTestTracing({ serviceName: 'billing' }),
      createTestTracing({ serviceName: 'mail' }),
    ]
    const [orders, bills] = [await newTopic(), await newTopic()]
    await shop.tracing.tracer.trace('checkout', () =>
      sendMessages(traced({}, shop), orders, [{ value: '7' }]),
    )
    const onward = traced({ carrier: 'payload' }, billing)
    await consumeMessages(traced({}, billing), orders, 1, ({ value }) =>
      sendMessages(onward, bills, [{ value }]),
    )
    const [last] = await consumeMessages(traced({ carrier: 'payload' }, mail), bills, 1)
    assert.equal(String(last!.value), '7')
    const names = ['checkout', 'send', 'receive', 'process', 'send', 'receive', 'process']
    const spans = [
      ...(await shop.take(2)),
      ...(await billing.take(3, 20_000)),
      ...(await mail.take(2, 20_000)),
    ]
    assertChain(spans, names)
    for (const one of [shop, billing, mail]) one.assertClean()
  })

  it('pause, resume and seek', async () => {
    const outcomes: unknown[] = []
    for (const kafka of [plainKafka(brokers), traced(), traced({ carrier: 'payload' })]) {
      const topic = await newTopic()
      await sendMessages(plainKafka(brokers), topic, [{ value: '0' }, { value: '1' }, { value: '2' }])
      const consumer = kafka.consumer({ groupId: `group-${topic}`, maxWaitTimeInMs: 100 })
      await consumer.connect()
      const seen: unknown[] = []
      try {
        await consumer.subscribe({ topic, fromBeginning: true })
        await new Promise<void>((resolve, reject) => {
          const eachMessage = async (payload: EachMessagePayload): Promise<void> => {
            seen.push(String(payload.message.value))
            if (seen.length === 2) {
              const resume = payload.pause()
              seen.push(consumer.paused().map(({ partitions }) => partitions))
              setTimeout(() => {
                consumer.seek({ topic, partition: 0, offset: '0' })
                resume()
              }, 100)
            } else if (seen.at(-1) === '2') resolve()
          }
          consumer.run({ eachMessage }).catch(reject)
        })
      } finally {
        await consumer.disconnect()
      }
      outcomes.push(seen)
    }
    assert.deepEqual(outcomes[0], ['0', '1', [[0]], '0', '1', '2'])
    assert.deepEqual(outcomes[1], outcomes[0])
    assert.deepEqual(outcomes[2], outcomes[0])
    await test.take(20, 20_000)
  })

  it('fail as ever where there is no broker', async () => {
    const [port] = await freePorts(1)
    const options = { brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 0 } }
    const outcomes: unknown[] = []
    for (const kafka of [new Kafka(options), traceKafka(test.tracing, new Kafka(options))]) {
      const errors: unknown[] = []
      const keep = (error: unknown): void => {
        const { constructor, ...own } = error as Error
        errors.push([constructor.name, String(error), Object.keys(own)])
      }
      const producer = kafka.producer()
      const consumer = kafka.consumer({ groupId: 'none' })
      await producer.connect().catch(keep)
      await producer.send({ topic: 'none', messages: [{ value: 'x' }] }).catch(keep)
      await producer.disconnect().catch(keep)
      await consumer.connect().catch(keep)
      await consumer.subscribe({ topic: 'none' }).catch(keep)
      await consumer.disconnect().catch(keep)
      outcomes.push(errors)
    }
    assert.ok((outcomes[0] as unknown[]).length >= 3, JSON.stringify(outcomes))
    assert.deepEqual(outcomes[1], outcomes[0])
    const [sent] = await test.take(1)
    assert.match(sent!.tags!['error']!, /./)
  })

  /** What is on a new topic after `use`, which has a traced producer that reaches it through an old broker. */
  async function sendThroughOldBroker(
    own: TestTracing,
    use: (producer: Producer, topic: string, old: OldBroker) => Promise<void>,
  ): Promise<{ value: string; headers: string[] }[]> {
    const topic = await newTopic()
    const old = await startOldBroker(brokers[0]!)
    const producer = traceKafka(own.tracing, old.kafka).producer()
    await producer.connect()
    try {
      await use(producer, topic, old)
    } finally {
      await producer.disconnect()
      await old.close()
    }
    const arrived = await readTopic(brokers, topic)
    return arrived.map(({ value, headers }) => ({
      value: String(value),
      headers: Object.keys(headers ?? {}),
    }))
  }

  it('add no headers once a broker has refused them, and count that', async () => {
    const own = createTestTracing()
    const arrived = await sendThroughOldBroker(own, async (producer, topic) => {
      await assert.rejects(producer.send({ topic, messages: [{ value: 'first' }] }), { type: 'UNKNOWN' })
      await producer.send({ topic, messages: [{ value: 'second' }] })
      await producer.sendBatch({ topicMessages: [{ topic, messages: [{ value: 'third' }] }] })
    })
    const [first, second, third] = await own.take(3)
    assert.ok(first!.tags!['error'])
    assert.deepEqual(
      [second, third].map((span) => span!.tags!['error']),
      [undefined, undefined],
    )
    assert.deepEqual({ ...own.tracing.faults }, { 'kafka headers': 1 })
    // The stand-in's broker took the first as well.
    assert.deepEqual(arrived.slice(-2), [
      { value: 'second', headers: [] },
      { value: 'third', headers: [] },
    ])
  })

  it('go on with headers where a broker that took them before has trouble of another kind', async () => {
    const own = createTestTracing()
    const arrived = await sendThroughOldBroker(own, async (producer, topic, old) => {
      old.refusing = false
      await producer.send({ topic, messages: [{ value: 'first' }] })
      old.refusing = true
      await assert.rejects(producer.send({ topic, messages: [{ value: 'second' }] }), { type: 'UNKNOWN' })
      old.refusing = false
      await producer.send({ topic, messages: [{ value: 'third' }] })
    })
    await own.take(3)
    own.assertClean()
    assert.deepEqual(
      arrived.map(({ headers }) => headers),
      [['b3'], ['b3'], ['b3']],
    )
  })
})
