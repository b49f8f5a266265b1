import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, EachBatchPayload, EachMessagePayload, Kafka, KafkaMessage } from 'kafkajs'
import type { ZipkinSpan } from 'tdist'
import { runWithMessage, traceKafka, type KafkaOptions } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'
import {
  consumeMessages,
  createTopic,
  plainKafka,
  readTopic,
  sendMessages,
  startKafkaBroker,
} from '../../support/kafka-broker.ts'

describe('Kafka’s broker with traced clients', async () => {
  const broker = await startKafkaBroker({ 'log.cleaner.backoff.ms': 100 })
  if (typeof broker === 'string') {
    it('is as ever', { skip: process.env['CI'] ? false : broker }, () => assert.fail(broker))
    return
  }
  after(() => broker.stop())
  const { brokers } = broker
  const test = createTestTracing()
  const { tracing } = test
  const { tracer, dataManager } = tracing
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
    test.assertClean()
  })

  const traced = (options?: KafkaOptions): Kafka => traceKafka(tracing, plainKafka(brokers), options)
  let topics = 0
  async function newTopic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const topic = `broker-${process.pid}-${++topics}`
    await createTopic(brokers, topic, { partitions, config })
    return topic
  }

  async function newConsumer(kafka: Kafka, topic: string, groupId = `group-${topic}`): Promise<Consumer> {
    const consumer = kafka.consumer({
      groupId,
      maxWaitTimeInMs: 100,
      heartbeatInterval: 100,
      retry: { initialRetryTime: 50 },
    })
    await consumer.connect()
    ends.push(() => consumer.disconnect())
    await consumer.subscribe({ topic, fromBeginning: true })
    return consumer
  }

  const named = (list: ZipkinSpan[], name: string): ZipkinSpan[] => list.filter((span) => span.name === name)

  it('takes each message of an idempotent producer once', async () => {
    const topic = await newTopic()
    const messages = ['a', 'b', 'c'].map((value) => ({ value }))
    await sendMessages(traced(), topic, messages, { idempotent: true, maxInFlightRequests: 1 })
    const sends = await test.take(3)
    const arrived = await readTopic(brokers, topic)
    assert.deepEqual(
      arrived.map(({ headers }) => String(headers?.['b3']).split('-')[1]),
      sends.map(({ id }) => id),
    )
  })

  for (const carrier of ['headers', 'payload'] as const) {
    it(`compacts by key, tombstones kept, by ${carrier}`, async () => {
      const topic = await newTopic(1, {
        'cleanup.policy': 'compact',
        'segment.ms': '50',
        'min.cleanable.dirty.ratio': '0.001',
      })
      const kafka = traced({ carrier })
      const values: [string, string | null][] = [
        ['kept', 'old'],
        ['gone', 'old'],
        ['kept', 'new'],
        ['gone', null],
        ['last', 'of the segment'],
      ]
      for (const [key, value] of values) await sendMessages(kafka, topic, [{ key, value }])
      // The segment that is written to is never compacted: a later message begins another.
      let found: KafkaMessage[] = []
      for (let i = 0; i < 300 && found.length !== 2; i++) {
        await sleep(100)
        await sendMessages(plainKafka(brokers), topic, [{ key: `end ${i}`, value: '' }])
        found = await readUntil(topic, `end ${i}`)
      }
      assert.deepEqual(
        found.map(({ key, value }) => [String(key), value?.subarray(-3).toString() ?? null]),
        [
          ['kept', 'new'],
          ['gone', null],
        ],
      )
      const sends = await test.take(5)
      assert.equal(String(found[1]!.headers!['b3']).split('-')[1], sends[3]!.id, 'by header in any case')
      const seen = await consumeMessages(kafka, topic, 2)
      assert.deepEqual(
        seen.map(({ value }) => value && String(value)),
        ['new', null],
      )
      // What comes after the two may be handled as well before the consumer is gone.
      const receives = named(test.spans.splice(0), 'receive').slice(0, 2)
      assert.deepEqual(
        receives.map(({ parentId }) => parentId),
        [sends[2]!.id, sends[3]!.id],
      )
    })
  }

  /** What there is of the keys `kept` and `gone`, as an untraced consumer sees it. */
  async function readUntil(topic: string, lastKey: string): Promise<KafkaMessage[]> {
    const consumer = await newConsumer(plainKafka(brokers), topic, `${topic} ${lastKey}`)
    const seen: KafkaMessage[] = []
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: EachMessagePayload): Promise<void> => {
        seen.push(message)
        if (String(message.key) === lastKey) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    return seen.filter(({ key }) => ['kept', 'gone'].includes(String(key)))
  }

  it('gives a partition to another consumer in the middle of a handler', async () => {
    const topic = await newTopic(2)
    const kafka = traced()
    const messages = Array.from({ length: 10 }, (_, i) => ({ value: String(i), partition: i % 2 }))
    await sendMessages(kafka, topic, messages)
    const sends = await test.take(10)
    const first = await newConsumer(kafka, topic)
    const second = await newConsumer(kafka, topic)
    const handled = new Map<string, number>()
    let interrupted = 0
    const joined = new Promise((resolve) => second.on(second.events.GROUP_JOIN, resolve))
    await new Promise<void>((resolve, reject) => {
      const handle = async (message: KafkaMessage): Promise<void> => {
        await tracer.trace('work', async () => {})
        const value = String(message.value)
        handled.set(value, (handled.get(value) ?? 0) + 1)
        if (handled.size === 10) resolve()
      }
      const eachMessage = async (payload: EachMessagePayload): Promise<void> => {
        if (interrupted++ === 0) {
          second.run({ eachMessage: ({ message: one }) => handle(one) }).catch(reject)
          // Until the broker says that the group is being rebalanced, by a rejection.
          for (;;) {
            await payload.heartbeat()
            await sleep(50)
          }
        }
        await handle(payload.message)
      }
      first.run({ eachMessage }).catch(reject)
    })
    await joined
    for (const end of ends.splice(0)) await end()
    const spans = test.spans.splice(0)
    assert.match(named(spans, 'process')[0]!.tags!['error']!, /rebalanc/i)
    const byId = new Map([...sends, ...spans].map((span) => [span.id, span]))
    for (const [name, parent] of [
      ['work', 'process'],
      ['process', 'receive'],
      ['receive', 'send'],
    ] as const) {
      assert.ok(named(spans, name).length >= 10)
      for (const span of named(spans, name)) {
        assert.equal(byId.get(span.parentId!)?.name, parent)
        assert.equal(byId.get(span.parentId!)!.traceId, span.traceId)
      }
    }
  })

  it('keeps apart the handlers of partitions that are consumed at once', async () => {
    const topic = await newTopic(4)
    const kafka = traced()
    await sendMessages(
      kafka,
      topic,
      Array.from({ length: 40 }, (_, i) => ({ value: String(i), partition: i % 4 })),
    )
    const sends = await test.take(40)
    const consumer = await newConsumer(kafka, topic)
    let atOnce = 0
    let most = 0
    let done = 0
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: EachMessagePayload): Promise<void> => {
        const [traceId] = String(message.headers!['b3']).split('-')
        most = Math.max(most, ++atOnce)
        for (let i = 0; i < 5; i++) {
          await sleep(1)
          if (dataManager.current?.context.traceId !== traceId) reject(new Error('of another trace'))
          await tracer.trace('step', () => new Promise(setImmediate))
        }
        atOnce--
        if (++done === 40) resolve()
      }
      consumer.run({ partitionsConsumedConcurrently: 4, eachMessage }).catch(reject)
    })
    assert.ok(most > 1, 'never two at once')
    const spans = await test.take(40 * 7, 20_000)
    for (const { traceId } of sends) {
      const own = spans.filter((span) => span.traceId === traceId)
      const [process] = named(own, 'process')
      assert.deepEqual(
        named(own, 'step').map(({ parentId }) => parentId),
        Array(5).fill(process!.id),
      )
    }
  })

  it('brings a batch over the limit: the rest is counted, and has its spans when asked for', async () => {
    const topic = await newTopic()
    await sendMessages(
      traced(),
      topic,
      ['a', 'b', 'c', 'd', 'e'].map((value) => ({ value })),
    )
    const sends = await test.take(5)
    const consumer = await newConsumer(traced({ maxSpansPerBatch: 2 }), topic)
    const over = await new Promise<KafkaMessage>((resolve, reject) => {
      const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => resolve(batch.messages[4]!)
      consumer.run({ eachBatch }).catch(reject)
    })
    const [, , process] = await test.take(3, 20_000)
    assert.equal(process!.tags!['kafka.batch.spans_left_out'], '3')
    runWithMessage(over, 'later', () => {})
    const [receive, later] = await test.take(2)
    assert.equal(receive!.parentId, sends[4]!.id)
    assert.equal(later!.parentId, receive!.id)
  })
})
