import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { TracingOptions } from 'tdist'
import { traceKafka, type KafkaOptions } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'
import { consumeMessages, createTopic, plainKafka, sendMessages } from '../support/kafka-broker.ts'
import type { KafkaPeer } from '../support/kafka-peer.ts'
import { assertChain } from '../support/span-chain.ts'

/** We and a service that another library traces have one trace. `receives`: the name of its span for what it gets. */
export function joinsTraces(
  brokers: string[],
  peer: KafkaPeer,
  receives: string,
  propagation: NonNullable<TracingOptions['propagation']>,
): void {
  describe(`writing ${propagation.join(' and ')}`, () => {
    const test = createTestTracing({ propagation })
    const { tracing } = test
    const { tracer } = tracing
    const traced = (options?: KafkaOptions) => traceKafka(tracing, plainKafka(brokers), options)
    const topicOf = async (name: string): Promise<string> => {
      const topic = `${propagation.join('-')}-${name}-${process.pid}`
      await createTopic(brokers, topic)
      return topic
    }
    afterEach(() => test.assertClean())

    async function send(topic: string, values: readonly string[], options?: KafkaOptions): Promise<void> {
      await sendMessages(
        traced(options),
        topic,
        values.map((value) => ({ key: 'k', value })),
      )
    }

    it('we go on with the trace of its producer', async () => {
      const topic = await topicOf('theirs')
      const theirs = await peer.run(`send ${topic} paid true`)
      await consumeMessages(traced(), topic, 1, () => tracer.trace('store', () => {}))
      const ours = await test.take(3, 20_000)
      assertChain([...theirs, ...ours], ['start', 'send', 'receive', 'process', 'store'])
    })

    it('its consumer goes on with ours, and we with its again', async () => {
      const [there, back] = [await topicOf('there'), await topicOf('back')]
      await tracer.trace('checkout', () => send(there, ['paid']))
      const theirs = await peer.run(`forward ${there} ${back} 1`)
      const [message] = await consumeMessages(traced(), back, 1)
      assert.deepEqual([String(message!.key), String(message!.value)], ['k', 'paid'])
      const names = ['checkout', 'send', receives, 'forward', 'send', 'receive', 'process']
      assertChain([...theirs, ...(await test.take(4, 20_000))], names)
    })

    it('each message of a call goes on by itself', async () => {
      const [there, back] = [await topicOf('many'), await topicOf('many-back')]
      await send(there, ['a', 'b', 'c'])
      const theirs = await peer.run(`forward ${there} ${back} 3`)
      await consumeMessages(traced(), back, 3)
      const spans = [...theirs, ...(await test.take(9, 20_000))]
      const traceIds = new Set(spans.map(({ traceId }) => traceId))
      assert.equal(traceIds.size, 3)
      const names = ['send', receives, 'forward', 'send', 'receive', 'process']
      for (const id of traceIds) {
        assertChain(
          spans.filter(({ traceId }) => traceId === id),
          names,
        )
      }
    })

    it('what either does not sample the other does not', async () => {
      const topic = await topicOf('unsampled')
      assert.deepEqual(await peer.run(`send ${topic} quiet false`), [])
      await consumeMessages(traced(), topic, 1, () => {
        assert.equal(tracing.dataManager.current?.context.sampled, false)
      })
      assert.equal(test.spans.length, 0)

      const [there, back] = [await topicOf('quiet'), await topicOf('quiet-back')]
      await send(there, ['quiet'], { sampler: () => false })
      assert.deepEqual(await peer.run(`forward ${there} ${back} 1`), [])
      await consumeMessages(traced(), back, 1)
      assert.equal(test.spans.length, 0)
    })
  })
}
