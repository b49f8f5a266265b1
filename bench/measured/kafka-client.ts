import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import type * as Kafkajs from 'kafkajs'
import { answer } from '../answer.ts'
import { MESSAGES_A_CALL } from '../kafka-rounds.ts'
import { kafkaTracing } from './kafka-tracing.ts'

/** A producer or a consumer of one topic; `BENCH_KAFKA` is how it is traced. */

const variant = process.env.BENCH_KAFKA!
const tracing = await kafkaTracing(variant)
// By require, as OpenTelemetry sees it.
const { Kafka, logLevel } = createRequire(import.meta.url)('kafkajs') as typeof Kafkajs

interface Place {
  readonly brokers: string[]
  readonly topic: string
}
interface Round {
  readonly messages: number
  readonly spans: number
}

const VALUE = 'x'.repeat(200)
const storage = new AsyncLocalStorage<object>()
const inScope: <T>(fn: () => T) => T = variant === 'als' ? (fn) => storage.run({}, fn) : (fn) => fn()

let produce: (() => Promise<unknown>) | undefined
let handle: ((messages: number) => Promise<void>) | undefined

answer({
  async producer({ brokers, topic }: Place) {
    const producer = client(brokers).producer()
    await producer.connect()
    const messages = Array.from({ length: MESSAGES_A_CALL }, (_, i) => ({ key: `k${i}`, value: VALUE }))
    produce = () => producer.send({ topic, messages })
  },

  async consumer({ brokers, topic }: Place) {
    const consumer = client(brokers).consumer({ groupId: topic, maxWaitTimeInMs: 50 })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    let left = 0
    let done: () => void = () => {}
    const work = async (): Promise<void> => {
      if (--left === 0) done()
    }
    await consumer.run({ eachMessage: () => inScope(work) })
    // What is waited for is not to be measured, so nothing is fetched meanwhile.
    consumer.pause([{ topic }])
    handle = (messages) => {
      left = messages
      const handled = new Promise<void>((resolve) => (done = resolve))
      consumer.resume([{ topic }])
      // The last one's span ends after its handler.
      return handled.then(() => new Promise(setImmediate)).then(() => consumer.pause([{ topic }]))
    }
  },

  /** CPU microseconds that it took to send so many messages, and to be done with their spans. */
  produce: ({ messages, spans }: Round) =>
    measured(spans, async () => {
      for (let i = 0; i < messages; i += MESSAGES_A_CALL) await inScope(() => produce!())
    }),

  /** The same of handling them. */
  consume: ({ messages, spans }: Round) => measured(spans, () => handle!(messages)),
})

function client(brokers: string[]): Kafkajs.Kafka {
  return tracing.trace(new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 10 } }))
}

async function measured(spans: number, work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  await tracing.expect(spans)
  const { user, system } = process.cpuUsage(before)
  return user + system
}
