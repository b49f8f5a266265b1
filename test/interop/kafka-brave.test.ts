import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { joinsTraces } from '../suites/kafka-peer.ts'
import { startBravePeer } from '../support/brave-peer.ts'
import { startKafkaBroker } from '../support/kafka-broker.ts'

describe('Kafka with a Java peer that Brave traces', async () => {
  const broker = await startKafkaBroker()
  if (typeof broker !== 'string') after(() => broker.stop())
  const peer = typeof broker === 'string' ? broker : await startBravePeer(broker.brokers)
  if (typeof broker === 'string' || typeof peer === 'string') {
    const why = typeof peer === 'string' ? peer : ''
    it('has one trace', { skip: process.env['CI'] ? false : why }, () => assert.fail(why))
    return
  }
  after(() => peer.stop())
  joinsTraces(broker.brokers, peer, 'poll', ['b3'])
  joinsTraces(broker.brokers, peer, 'poll', ['b3', 'w3c'])
})
