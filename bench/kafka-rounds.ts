import { Child } from './child.ts'
import type { Rounds } from './figure.ts'
import { startBroker } from './kafka-broker.ts'
import type { NodeBinary } from './node-binary.ts'
import type { Effort } from './scenarios/scenario.ts'

/** How a variant's producer and consumer are traced, and how many spans a message makes in each. */
const VARIANTS = {
  untraced: [0, 0],
  als: [0, 0],
  headers: [1, 2],
  payload: [1, 2],
  unsampled: [0, 0],
  opentelemetry: [1, 1],
} as const

export type Variant = keyof typeof VARIANTS

/** CPU microseconds per message of either side. */
export type KafkaRounds = Readonly<Record<'produce' | 'consume', Record<Variant, Rounds>>>

/** Messages of one awaited call. */
export const MESSAGES_A_CALL = 20

/**
 * Sends messages and then handles them, each variant in turn, A B C A B C, by a producer and a consumer in processes of
 * their own, through one real broker. A span too few or too many fails the round.
 */
export async function kafkaRounds(
  node: NodeBinary,
  { generations, warmUps, rounds, requests }: Effort,
): Promise<KafkaRounds> {
  const names = Object.keys(VARIANTS) as Variant[]
  const none = (): Record<Variant, number[]> =>
    Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Variant, number[]>
  const measured = { produce: none(), consume: none() }
  const messages = Math.ceil(requests / MESSAGES_A_CALL) * MESSAGES_A_CALL
  const broker = await startBroker()
  try {
    for (let generation = 0; generation < generations; generation++) {
      const pairs = names.map((name) => ({
        name,
        topic: `bench-${generation}-${name}`,
        producer: new Child('measured/kafka-client.js', { node, env: { BENCH_KAFKA: name } }),
        consumer: new Child('measured/kafka-client.js', { node, env: { BENCH_KAFKA: name } }),
      }))
      try {
        for (const { topic, producer, consumer } of pairs) {
          await broker.createTopic(topic)
          const { brokers } = broker
          await producer.ask({ ask: 'producer', brokers, topic })
          await consumer.ask({ ask: 'consumer', brokers, topic })
        }
        for (let i = 0; i < warmUps + rounds; i++) {
          for (const { name, producer, consumer } of pairs) {
            const [sent, handled] = VARIANTS[name]
            const produce = await producer.ask<number>({ ask: 'produce', messages, spans: sent * messages })
            const consume = await consumer.ask<number>({
              ask: 'consume',
              messages,
              spans: handled * messages,
            })
            if (i < warmUps) continue
            measured.produce[name].push(produce / messages)
            measured.consume[name].push(consume / messages)
          }
        }
      } finally {
        await Promise.all(pairs.flatMap(({ producer, consumer }) => [producer.stop(), consumer.stop()]))
      }
    }
  } finally {
    await broker.stop()
  }
  return measured
}
