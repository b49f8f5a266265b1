import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { traceKafka, type KafkaOptions } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'
import { assertChain } from '../support/span-chain.ts'
import { startBravePeer } from '../support/brave-peer.ts'
import { consumeMessages, createTopic, plainKafka, startKafkaBroker } from '../support/kafka-broker.ts'

describe('Kafka with a Java peer that Brave traces', async () => {
  const broker = await startKafkaBroker()
  const peer = typeof broker === 'string' ? broker : await startBravePeer(broker.brokers)
  if (typeof broker !== 'string') after(() => broker.stop())
  if (typeof broker === 'string' || typeof peer === 'string') {
    const why = String(peer)
    it('has one trace', { skip: process.env['CI'] ? false : why }, () => assert.fail(why))
    return
  }
  after(() => peer.stop())
  const { brokers } = broker

  for (const propagation of ['b3', 'w3c'] as const) {
    describe(`writing ${propagation}`, () => {
      const test = createTestTracing({ propagation: [propagation] })
      const { tracing } = test
      const { tracer } = tracing
      const traced = (options?: KafkaOptions) => traceKafka(tracing, plainKafka(brokers), options)
      const topicOf = async (name: string): Promise<string> => {
        const topic = `brave-${propagation}-${name}-${process.pid}`
        await createTopic(brokers, topic)
        return topic
      }
      afterEach(() => test.assertClean())

      it('we go on with the trace of its producer', async () => {
        const topic = await topicOf('theirs')
        const theirs = await peer.run(`send ${topic} paid true`)
        await consumeMessages(traced(), topic, 1, () => tracer.trace('store', () => {}))
        const ours = await test.take(3, 20_000)
        assertChain([...theirs, ...ours], ['start', 'send', 'receive', 'process', 'store'])
        const [receive] = ours
        assert.equal(receive!.kind, 'CONSUMER')
      })

      it('its consumer goes on with ours, and we with its again', async () => {
        const [there, back] = [await topicOf('there'), await topicOf('back')]
        const kafka = traced()
        const producer = kafka.producer()
        await producer.connect()
        await tracer.trace('checkout', () =>
          producer.send({ topic: there, messages: [{ key: 'k', value: 'paid' }] }),
        )
        await producer.disconnect()
        const theirs = await peer.run(`forward ${there} ${back} 1`)
        const [message] = await consumeMessages(kafka, back, 1)
        assert.deepEqual([String(message!.key), String(message!.value)], ['k', 'paid'])
        const names = ['checkout', 'send', 'poll', 'forward', 'send', 'receive', 'process']
        assertChain([...theirs, ...(await test.take(4, 20_000))], names)
      })

      it('each message of a batch goes on by itself', async () => {
        const [there, back] = [await topicOf('many'), await topicOf('many-back')]
        const kafka = traced()
        const producer = kafka.producer()
        await producer.connect()
        await producer.send({ topic: there, messages: ['a', 'b', 'c'].map((value) => ({ value })) })
        await producer.disconnect()
        const theirs = await peer.run(`forward ${there} ${back} 3`)
        await consumeMessages(kafka, back, 3)
        const spans = [...theirs, ...(await test.take(9, 20_000))]
        const traceIds = new Set(spans.map(({ traceId }) => traceId))
        assert.equal(traceIds.size, 3)
        const names = ['send', 'poll', 'forward', 'send', 'receive', 'process']
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
        const kafka = traced({ sampler: () => false })
        const producer = kafka.producer()
        await producer.connect()
        await producer.send({ topic: there, messages: [{ value: 'quiet' }] })
        await producer.disconnect()
        assert.deepEqual(await peer.run(`forward ${there} ${back} 1`), [])
        await consumeMessages(traced(), back, 1)
        assert.equal(test.spans.length, 0)
      })
    })
  }
})
