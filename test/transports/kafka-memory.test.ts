import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Kafka } from 'kafkajs'
import { createTracing } from 'tdist'
import { runWithMessage, traceKafka } from 'tdist/kafkajs'
import { MemoryKafka } from '../faults/memory-kafka.ts'

for (const carrier of ['headers', 'payload'] as const) {
  it(`Kafka messages leave nothing behind, by ${carrier}`, async (t) => {
    let ended = 0
    const end = (): boolean => (ended++, false)
    const sender = {
      encoding: 'json',
      maxRecordBytes: 51_200,
      maxRecords: 1,
      maxCallBytes: 51_200,
      async send() {},
    } as const
    const tracing = createTracing({ serviceName: 'test', sender, spanHandler: { end } })
    const kafka = traceKafka(tracing, new MemoryKafka() as unknown as Kafka, { carrier })
    const producer = kafka.producer()
    await kafka.consumer({ groupId: 'g' }).run({ eachMessage: async () => {} })
    await kafka.consumer({ groupId: 'h' }).run({
      async eachBatch({ batch: { messages } }) {
        runWithMessage(messages[0]!, 'work', () => {})
      },
    })
    const send = async (count: number): Promise<number> => {
      const messages = Array.from({ length: 100 }, (_, i) => ({ value: String(i), headers: { app: 'x' } }))
      for (let sent = 0; sent < count; sent += 100) await producer.send({ topic: 'orders', messages })
      return heapUsed()
    }
    const before = await send(20_000)
    const grown = (await send(180_000)) - before
    await tracing.close()
    t.diagnostic(`${ended} spans, ${grown} bytes more`)
    // For each message: sent, come to either, and handled; for each batch: handled, and the work on one.
    assert.equal(ended, 200_000 * 4 + 2_000 * 2)
    // Some ten bytes a message.
    assert.ok(grown < 2 << 20, `${grown} bytes more`)
    assert.deepEqual({ ...tracing.faults }, {})
  })
}

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

async function heapUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    gc()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().heapUsed
}
