import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import {
  Kafka,
  logLevel,
  type Consumer,
  type EachBatchPayload,
  type KafkaMessage,
  type Producer,
} from 'kafkajs'
import type { ZipkinSpan } from 'tdist'
import { runWithMessage, traceKafka, type KafkaOptions } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'
import { kafkaBatchForms, kafkaForms } from '../../suites/kafka-forms.ts'
import { createTopic, plainKafka, readTopic, startKafkaBroker } from '../../support/kafka-broker.ts'

const broker = await startKafkaBroker({ 'log.cleaner.backoff.ms': 100 })

describe('kafkajs', { skip: typeof broker === 'string' && broker }, () => {
  if (typeof broker === 'string') {
    if (process.env['CI'] === 'true') throw new Error(broker)
    return
  }
  const { brokers } = broker
  after(() => broker.stop())

  const recorded = createTestTracing({ baggage: ['x-tenant'] })
  const { tracing, spans } = recorded
  const take = (count: number): Promise<ZipkinSpan[]> => recorded.take(count, 20_000)
  const { tracer, dataManager } = tracing
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
    recorded.assertClean()
  })

  let topics = 0
  async function newTopic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const topic = `traced-${++topics}`
    await createTopic(brokers, topic, { partitions, config })
    return topic
  }

  const traced = (options?: KafkaOptions): Kafka => traceKafka(tracing, plainKafka(brokers), options)

  async function producerOf(kafka: Kafka, config?: Parameters<Kafka['producer']>[0]): Promise<Producer> {
    const producer = kafka.producer(config)
    await producer.connect()
    ends.push(() => producer.disconnect())
    return producer
  }

  async function consumerOf(kafka: Kafka, topic: string, groupId = `group-${topic}`): Promise<Consumer> {
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, retry: { initialRetryTime: 50 } })
    await consumer.connect()
    ends.push(() => consumer.disconnect())
    await consumer.subscribe({ topic, fromBeginning: true })
    return consumer
  }

  /** Resolves when `count` messages have been handled. */
  async function consume(
    kafka: Kafka,
    topic: string,
    count: number,
    handler: (message: KafkaMessage) => unknown = () => {},
  ): Promise<KafkaMessage[]> {
    const consumer = await consumerOf(kafka, topic)
    const seen: KafkaMessage[] = []
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          async eachMessage({ message }) {
            await handler(message)
            if (seen.push(message) === count) resolve()
          },
        })
        .catch(reject)
    })
    return seen
  }

  const named = (list: ZipkinSpan[], name: string): ZipkinSpan[] => list.filter((span) => span.name === name)
  const header = (message: KafkaMessage, name: string): string | undefined =>
    message.headers?.[name]?.toString()

  it('makes one trace of a message that is sent and handled', async () => {
    const topic = await newTopic()
    const kafka = traced()
    assert.ok(kafka instanceof Kafka)
    const producer = await producerOf(kafka)
    await tracer.trace('checkout', () => producer.send({ topic, messages: [{ key: 'k', value: 'paid' }] }))
    let inHandler: string | undefined
    await consume(kafka, topic, 1, async () => {
      inHandler = dataManager.current?.context.spanId
      await tracer.trace('store', async () => {})
    })
    const list = await take(5)
    const [checkout, send, receive, process, store] = ['checkout', 'send', 'receive', 'process', 'store'].map(
      (name) => named(list, name)[0]!,
    ) as [ZipkinSpan, ZipkinSpan, ZipkinSpan, ZipkinSpan, ZipkinSpan]
    assert.equal(new Set(list.map((span) => span.traceId)).size, 1)
    assert.equal(send.parentId, checkout.id)
    assert.equal(receive.parentId, send.id)
    assert.equal(process.parentId, receive.id)
    assert.equal(store.parentId, process.id)
    assert.equal(inHandler, process.id)
    assert.equal(send.kind, 'PRODUCER')
    assert.equal(receive.kind, 'CONSUMER')
    assert.equal(process.kind, undefined)
    assert.deepEqual({ ...send.tags }, { 'kafka.topic': topic, 'kafka.partition': '0', 'kafka.offset': '0' })
    assert.equal(send.remoteEndpoint?.serviceName, 'kafka')
    const { 'kafka.delay_ms': delay, ...tags } = { ...receive.tags }
    assert.deepEqual(tags, { 'kafka.topic': topic, 'kafka.partition': '0', 'kafka.offset': '0' })
    assert.ok(Number(delay) >= 0 && Number(delay) < 60_000, delay)
    assert.match(
      tracing.metrics(),
      new RegExp(`tdist_message_delay_seconds\\{service="test",topic="${topic}"\\}`),
    )
  })

  it('each message of a call has a span of its own, and nothing of the caller’s is changed', async () => {
    const topic = await newTopic()
    const producer = await producerOf(traced())
    const headers = Object.freeze({ app: 'x' })
    const message = Object.freeze({ value: 'v', headers })
    const record = Object.freeze({ topic, messages: Object.freeze([message, message, message]) as never })
    const result = await producer.send(record)
    assert.equal(result[0]?.errorCode, 0)
    await producer.sendBatch({
      topicMessages: [
        { topic, messages: [message] },
        { topic, messages: [message] },
      ],
    })
    const list = await take(5)
    assert.deepEqual(Object.keys(headers), ['app'])
    const arrived = await readTopic(brokers, topic)
    assert.deepEqual(
      new Set(arrived.map((one) => header(one, 'b3')?.split('-')[1])),
      new Set(list.map((span) => span.id)),
    )
    assert.ok(arrived.every((one) => header(one, 'app') === 'x'))
  })

  it('a call over the limit is one span', async () => {
    const topic = await newTopic()
    const producer = await producerOf(traced({ maxSpansPerSend: 2 }))
    await producer.send({ topic, messages: [{ value: '1' }, { value: '2' }, { value: '3' }] })
    const [span] = await take(1)
    assert.equal(span?.tags?.['kafka.batch.size'], '3')
    const arrived = await readTopic(brokers, topic)
    assert.equal(new Set(arrived.map((one) => header(one, 'b3'))).size, 1)
  })

  it('what the client refuses it refuses as it does untraced', async () => {
    const topic = await newTopic()
    const plain = plainKafka(brokers)
    const untraced = await producerOf(plain)
    const producer = await producerOf(traceKafka(tracing, plain))
    const bad: unknown[] = [
      undefined,
      null,
      {},
      { topic },
      { topic, messages: null },
      { topic, messages: [{}] },
      { topic, messages: [{ value: undefined, headers: { a: '1' } }] },
      { topic, messages: [{ value: 'x', headers: { a: null } }] },
      { messages: [{ value: 'x' }] },
    ]
    for (const record of bad) {
      const [wanted, got] = await Promise.all(
        [untraced, producer].map((one) =>
          (async () => one.send(record as never))().then(
            () => 'sent',
            (error: Error) => `${error.name}: ${error.message}`,
          ),
        ),
      )
      assert.equal(got, wanted)
    }
    const [failed] = await take(1)
    assert.match(failed?.tags?.['error'] ?? '', /null/, 'a header of null is found when it is written')
  })

  it('an error of the broker is the caller’s, and the span’s', async () => {
    const producer = await producerOf(
      traceKafka(tracing, new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 } })),
    )
    await assert.rejects(producer.send({ topic: 'nobody-made-this', messages: [{ value: '1' }] }), {
      name: /KafkaJS/,
    })
    const [span] = await take(1)
    assert.ok(span?.tags?.['error'])
  })

  it('what is not sampled says so, and stays so', async () => {
    const topic = await newTopic()
    const kafka = traced({ sampler: () => false })
    const producer = await producerOf(kafka)
    await producer.send({ topic, messages: [{ value: '1' }] })
    await consume(kafka, topic, 1, () => assert.equal(dataManager.current?.context.sampled, false))
    const [arrived] = await readTopic(brokers, topic)
    assert.match(header(arrived!, 'b3')!, /^[0-9a-f]{32}-[0-9a-f]{16}-0$/)
    assert.equal(spans.length, 0)
  })

  it('what is passed on stays in its trace, in the formats it came in, without stale ones', async () => {
    const topic = await newTopic()
    const producer = await producerOf(traced())
    const traceId = '463ac35c9f6413ad48485a3953bb6124'
    const headers = {
      Traceparent: `00-${traceId}-a2fb4a1d1a96d312-01`,
      tracestate: 'vendor=1',
      'X-B3-TraceId': traceId,
      'X-B3-SpanId': 'a2fb4a1d1a96d312',
      'X-B3-Sampled': '1',
      'x-tenant': 'acme',
    }
    await producer.send({ topic, messages: [{ value: '1', headers }] })
    const [send] = await take(1)
    assert.equal(send?.traceId, traceId)
    assert.equal(send.parentId, 'a2fb4a1d1a96d312')
    const [arrived] = await readTopic(brokers, topic)
    const written = Object.fromEntries(
      Object.entries(arrived!.headers!).map(([name, value]) => [name, String(value)]),
    )
    assert.deepEqual(written, {
      'x-tenant': 'acme',
      tracestate: 'vendor=1',
      b3: `${traceId}-${send.id}-1`,
      traceparent: `00-${traceId}-${send.id}-01`,
      'x-b3-traceid': traceId,
      'x-b3-spanid': send.id,
      'x-b3-parentspanid': 'a2fb4a1d1a96d312',
      'x-b3-sampled': '1',
    })
  })

  it('the scope of whoever calls run is nobody’s in a handler', async () => {
    const topic = await newTopic()
    const plain = await producerOf(plainKafka(brokers))
    await plain.send({ topic, messages: [{ value: '1' }] })
    const kafka = traced()
    let traceId = ''
    await tracer.trace('start', async (span) => {
      traceId = span.context.traceId
      await consume(kafka, topic, 1, () => assert.notEqual(dataManager.current?.context.traceId, traceId))
    })
    const list = await take(3)
    const receive = named(list, 'receive')[0]!
    assert.equal(receive.parentId, undefined)
    assert.notEqual(receive.traceId, traceId)
  })

  it('a handler that throws or rejects is told in its span, and its message comes again', async () => {
    const topic = await newTopic()
    const kafka = traced()
    const producer = await producerOf(kafka)
    await producer.send({ topic, messages: [{ value: '1' }] })
    const consumer = await consumerOf(kafka, topic)
    let attempt = 0
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage() {
            attempt++
            if (attempt === 1) throw new Error('at once')
            if (attempt === 2) return Promise.reject(new Error('later'))
            resolve()
            return Promise.resolve()
          },
        })
        .catch(reject)
    })
    const list = await take(7)
    const [send] = named(list, 'send')
    assert.deepEqual(
      named(list, 'process').map((span) => span.tags?.['error']),
      ['at once', 'later', undefined],
    )
    assert.ok(named(list, 'receive').every((span) => span.parentId === send?.id))
    assert.equal(new Set(named(list, 'receive').map((span) => span.id)).size, 3)
  })

  it('a batch: an arrival for each context, one for all without, and its work apart', async () => {
    const topic = await newTopic()
    const kafka = traced()
    const producer = await producerOf(kafka)
    const plain = await producerOf(plainKafka(brokers))
    await plain.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] })
    await producer.send({ topic, messages: [{ value: 'c' }, { value: 'd' }] })
    const sends = await take(2)
    const consumer = await consumerOf(kafka, topic)
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          async eachBatch(payload: EachBatchPayload) {
            assert.equal(payload.batch.messages.length, 4)
            assert.equal(payload.batch.lastOffset(), '3')
            for (const message of payload.batch.messages) {
              await runWithMessage(message, `work ${String(message.value)}`, async () => {})
              payload.resolveOffset(message.offset)
            }
            resolve()
          },
        })
        .catch(reject)
    })
    const list = await take(8)
    const receives = named(list, 'receive')
    assert.equal(receives.length, 3)
    const process = named(list, 'process')[0]!
    assert.equal(process.parentId, undefined)
    assert.equal(process.tags?.['kafka.batch.size'], '4')
    assert.equal(process.tags['kafka.batch.last_offset'], '3')
    const root = receives.find((span) => span.parentId === undefined)
    assert.equal(named(list, 'work a')[0]?.parentId, root?.id)
    assert.equal(named(list, 'work b')[0]?.parentId, root?.id)
    for (const [i, name] of ['work c', 'work d'].entries()) {
      const receive = receives.find((span) => span.parentId === sends[i]?.id)
      assert.equal(named(list, name)[0]?.parentId, receive?.id)
    }
  })

  it('a batch of one is as a single message', async () => {
    const topic = await newTopic()
    const kafka = traced()
    const producer = await producerOf(kafka)
    await producer.send({ topic, messages: [{ value: 'a' }] })
    const consumer = await consumerOf(kafka, topic)
    await new Promise<void>((resolve, reject) => {
      consumer.run({ eachBatch: async () => resolve() }).catch(reject)
    })
    const [send, receive, process] = await take(3)
    assert.equal(receive?.parentId, send?.id)
    assert.equal(process?.parentId, receive?.id)
    assert.deepEqual({ ...process?.tags }, {})
  })

  it('a transaction’s messages are traced, and isolated as ever', async () => {
    const topic = await newTopic()
    const kafka = traced()
    const producer = await producerOf(kafka, {
      transactionalId: `tx-${topic}`,
      maxInFlightRequests: 1,
      idempotent: true,
    })
    const aborted = await producer.transaction()
    await aborted.send({ topic, messages: [{ value: 'aborted' }] })
    await aborted.abort()
    const committed = await producer.transaction()
    await committed.sendBatch({ topicMessages: [{ topic, messages: [{ value: 'kept' }] }] })
    await committed.commit()
    const seen = await consume(kafka, topic, 1)
    assert.equal(String(seen[0]?.value), 'kept')
    const list = await take(4)
    assert.equal(named(list, 'send').length, 2)
    const kept = named(list, 'send').find((span) => span.id === named(list, 'receive')[0]?.parentId)
    assert.ok(kept)
  })

  describe('by payload', () => {
    it('carries the trace before the value, which comes out as it went in', async () => {
      const topic = await newTopic()
      const kafka = traced({ carrier: 'payload' })
      const producer = await producerOf(kafka)
      const values = ['text', Buffer.from([0, 0, 0, 0, 7, 1]), Buffer.from('c1544410000300', 'hex')]
      await producer.send({ topic, messages: values.map((value) => ({ value })) })
      const seen = await consume(kafka, topic, values.length)
      assert.deepEqual(
        seen.map(({ value }) => value),
        values.map((value) => Buffer.from(value as string)),
      )
      assert.ok(seen.every(({ headers }) => Object.keys(headers ?? {}).length === 0))
      const list = await take(9)
      const parents = named(list, 'receive').map((span) => span.parentId)
      assert.deepEqual(
        parents,
        named(list, 'send').map((span) => span.id),
      )
    })

    it('is read by a consumer that is not told of it, untraced messages by one that is', async () => {
      const topic = await newTopic()
      const byPayload = traced({ carrier: 'payload' })
      const producer = await producerOf(byPayload)
      await producer.send({ topic, messages: [{ value: 'v' }] })
      const [seen] = await consume(traced(), topic, 1)
      assert.equal(seen?.value?.subarray(-1).toString(), 'v')
      const [send, receive] = await take(3)
      assert.equal(receive?.parentId, send?.id)

      const other = await newTopic()
      const plain = await producerOf(plainKafka(brokers))
      await plain.send({ topic: other, messages: [{ value: 'plain' }, { value: null }] })
      const both = await consume(byPayload, other, 2)
      assert.deepEqual(
        both.map(({ value }) => value && String(value)),
        ['plain', null],
      )
      await take(4)
    })

    it('leaves tombstones tombstones: their trace goes by header', async () => {
      const topic = await newTopic()
      const kafka = traced({ carrier: 'payload' })
      const producer = await producerOf(kafka)
      await producer.send({
        topic,
        messages: [
          { key: 'k', value: null },
          { key: 'e', value: '' },
        ],
      })
      const sends = await take(2)
      const arrived = await readTopic(brokers, topic)
      assert.deepEqual(
        arrived.map(({ value }) => value?.length),
        [undefined, 0],
      )
      assert.deepEqual(
        arrived.map((one) => header(one, 'b3')?.split('-')[1]),
        sends.map((span) => span.id),
      )
    })
  })

  kafkaForms(brokers)
  kafkaBatchForms(brokers)

  before(() => assert.equal(dataManager.current, undefined))
})
