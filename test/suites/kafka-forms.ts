import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { ConsumerRunConfig, EachBatchPayload, Producer, Transaction } from 'kafkajs'
import { traceConsumer, traceProducer } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'
import { createTopic, plainKafka, readTopic, sendMessages, type Received } from '../support/kafka-broker.ts'
import { LIST_FORMS, OBJECT_FORMS } from '../support/object-forms.ts'

type Sends = Pick<Producer, 'send' | 'sendBatch'>
const PARTITIONS = 3
const TRACE_HEADER = /^(b3|x-b3-.*|traceparent|tracestate)$/i

/** One call: the forms that its request, messages and headers have, and what is in them. */
interface Call {
  readonly batched: boolean
  readonly request: string
  readonly record: string
  readonly list: string
  readonly messages: readonly { readonly form: string; readonly headers: string; readonly fields: object }[]
}

const form = fc.constantFrom(...Object.keys(OBJECT_FORMS))
const text = fc.constantFrom('a', 'bc', 'd ü', '')
const message = fc.record({
  form,
  headers: form,
  fields: fc.record(
    {
      key: fc.option(text),
      value: fc.option(
        fc.oneof(
          text,
          text.map((one) => Buffer.from(one)),
        ),
      ),
      headers: fc.dictionary(
        fc.constantFrom('one', 'b3', '__proto__', 'constructor'),
        fc.oneof(text, fc.array(text)),
        {
          noNullPrototype: true,
        },
      ),
      partition: fc.nat(PARTITIONS - 1),
      timestamp: fc.constantFrom('1700000000000', '1700000000001'),
      toString: fc.constant('mine'),
    },
    { requiredKeys: ['value', 'timestamp'] },
  ),
})
const call: fc.Arbitrary<Call> = fc.record({
  batched: fc.boolean(),
  request: form,
  record: form,
  list: fc.constantFrom(...Object.keys(LIST_FORMS)),
  messages: fc.array(message, { minLength: 1, maxLength: 3 }),
})

/** What a broker stores of messages in every form is the same, whether their producer is traced or not. */
export function kafkaForms(brokers: string[]): void {
  const { tracing } = createTestTracing()
  for (const isTransaction of [false, true]) {
    it(`sends messages of every form as they are sent untraced${isTransaction ? ', in a transaction' : ''}`, async () => {
      const every = Object.keys(OBJECT_FORMS).flatMap((one): Call[] => {
        const fields = {
          key: 'k',
          value: 'v',
          headers: { one: '1' },
          partition: 1,
          timestamp: '1700000000000',
        }
        const plain = { request: 'plain', record: 'plain', list: 'plain' }
        const messages = [{ form: one, headers: 'plain', fields }]
        return [
          { ...plain, batched: false, messages },
          {
            ...plain,
            batched: true,
            request: one,
            record: one,
            messages: [{ form: 'plain', headers: one, fields }],
          },
        ]
      })
      const lists = Object.keys(LIST_FORMS).map((list): Call => ({ ...every[0]!, list, batched: true }))
      const calls = [...every, ...lists, ...fc.sample(call, 60)]
      const suffix = isTransaction ? 'in-transaction' : 'alone'
      const [plain, traced] = await Promise.all(
        [false, true].map(async (isTraced) => {
          const topic = `forms-${suffix}-${isTraced ? 'traced' : 'plain'}`
          await createTopic(brokers, topic, { partitions: PARTITIONS })
          const config = isTransaction && { transactionalId: topic, idempotent: true, maxInFlightRequests: 1 }
          const producer = plainKafka(brokers).producer({
            ...config,
            retry: { retries: 1 },
            createPartitioner,
          })
          const sending = isTraced ? traceProducer(tracing, producer) : producer
          await producer.connect()
          const sends = isTransaction ? await sending.transaction() : sending
          const outcomes: unknown[] = []
          for (const one of calls) outcomes.push(await outcome(sends, topic, one))
          if (isTransaction) await (sends as Transaction).commit()
          await producer.disconnect()
          const count = calls.reduce(
            (sum, { messages }, i) => sum + (Array.isArray(outcomes[i]) ? messages.length : 0),
            0,
          )
          const received = await readTopic(brokers, topic, count)
          received.sort((a, b) => a.partition - b.partition || Number(a.offset) - Number(b.offset))
          return {
            outcomes,
            messages: received.map(told),
            headers: received.filter(({ headers }) => headers!['b3']).length,
          }
        }),
      )
      assert.ok(plain!.messages.length > every.length / 2)
      assert.ok(traced!.headers > every.length / 2)
      assert.deepEqual(traced!.outcomes, plain!.outcomes)
      assert.deepEqual(traced!.messages, plain!.messages)
      assert.deepEqual(tracing.faults, {})
    })
  }
}

/** A handler gets what it gets untraced, though its batch stands in for kafkajs's own, and its config is a class. */
export function kafkaBatchForms(brokers: string[]): void {
  it('gives a handler the same batch, out of envelopes or without, whatever its config is', async () => {
    const { tracing } = createTestTracing()
    const topic = 'forms-batch'
    await createTopic(brokers, topic)
    await sendMessages(plainKafka(brokers), topic, [{ key: 'k', value: 'v' }])
    const options = { carrier: 'payload' } as const
    const producer = traceProducer(tracing, plainKafka(brokers).producer(), options)
    await producer.connect()
    const seen: unknown[] = []
    for (const sent of ['plain', 'enclosed']) {
      if (sent === 'enclosed') await producer.send({ topic, messages: [{ key: 'k', value: 'v' }] })
      for (const isTraced of [false, true]) {
        if (sent === 'enclosed' && !isTraced) continue
        const plain = plainKafka(brokers).consumer({
          groupId: `${topic}-${sent}-${isTraced}`,
          maxWaitTimeInMs: 100,
        })
        const consumer = isTraced ? traceConsumer(tracing, plain, options) : plain
        await consumer.connect()
        await consumer.subscribe({ topic, fromBeginning: true })
        const count = sent === 'enclosed' ? 2 : 1
        await new Promise<void>((resolve, reject) => {
          let left = count
          const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
            const { messages } = batch
            if (sent === 'plain') {
              const { partition, fetchedOffset } = batch as EachBatchPayload['batch'] & {
                fetchedOffset: string
              }
              const methods = [batch.isEmpty(), batch.firstOffset(), batch.lastOffset(), batch.offsetLag()]
              seen.push([
                Object.keys(batch),
                partition,
                fetchedOffset,
                methods,
                batch.constructor.name,
                JSON.stringify(batch),
              ])
            }
            for (const { value } of messages) if (String(value) !== 'v') reject(new Error(String(value)))
            if ((left -= messages.length) === 0) resolve()
          }
          const config = OBJECT_FORMS['class with getters over private fields']!({
            autoCommit: false,
            eachBatch,
          })
          consumer.run(config as ConsumerRunConfig).catch(reject)
        })
        await consumer.disconnect()
      }
    }
    await producer.disconnect()
    assert.deepEqual(seen[1], seen[0])
    assert.deepEqual(tracing.faults, {})
  })
}

async function outcome(sends: Sends, topic: string, one: Call): Promise<unknown> {
  const messages = LIST_FORMS[one.list]!(
    one.messages.map(({ form, headers, fields }) => {
      const own = (fields as { headers?: Record<string, unknown> }).headers
      return OBJECT_FORMS[form]!({ ...fields, ...(own && { headers: OBJECT_FORMS[headers]!(own) }) })
    }),
  )
  const record = OBJECT_FORMS[one.record]!({ topic, messages })
  const before = messages.map((message) => message && Object.getOwnPropertyDescriptors(message))
  try {
    const request = one.batched
      ? OBJECT_FORMS[one.request]!({ topicMessages: LIST_FORMS[one.list]!([record]) })
      : record
    const stored = await (one.batched ? sends.sendBatch(request as never) : sends.send(request as never))
    // The broker answers for its partitions in any order.
    return stored
      .map(({ partition, errorCode, baseOffset }) => ({ partition, errorCode, baseOffset }))
      .sort((a, b) => a.partition - b.partition)
  } catch (error) {
    const { name, message } = error as Error
    return { name, message: message.replaceAll(topic, 'the topic') }
  } finally {
    const after = messages.map((message) => message && Object.getOwnPropertyDescriptors(message))
    assert.deepEqual(after, before)
  }
}

/** As kafkajs's own, but that it never draws lots. */
function createPartitioner() {
  return ({ message }: { message: { partition?: number; key?: unknown } }): number =>
    message.partition ?? String(message.key).length % PARTITIONS
}

/** A message without what carries a trace. */
function told({ partition, offset, timestamp, key, value, headers }: Received): unknown {
  const kept = Object.entries(headers ?? {}).filter(([name]) => !TRACE_HEADER.test(name))
  return {
    partition,
    offset,
    timestamp,
    key: key?.toString(),
    value: value?.toString(),
    headers: kept.map(String),
  }
}
