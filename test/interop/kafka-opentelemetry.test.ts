import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { joinsTraces } from '../suites/kafka-peer.ts'
import { startKafkaBroker } from '../support/kafka-broker.ts'
import { startKafkaPeer } from '../support/kafka-peer.ts'

const PEER = fileURLToPath(new URL('../../../test/interop/opentelemetry/peer.mjs', import.meta.url))

describe('Kafka with a Node peer that OpenTelemetry traces', async () => {
  const broker = await startKafkaBroker()
  if (typeof broker === 'string') {
    it('has one trace', { skip: process.env['CI'] ? false : broker }, () => assert.fail(broker))
    return
  }
  after(() => broker.stop())
  const peer = await startKafkaPeer([process.execPath, PEER, broker.brokers.join(',')])
  after(() => peer.stop())
  joinsTraces(broker.brokers, peer, 'process', ['w3c'])
  joinsTraces(broker.brokers, peer, 'process', ['b3', 'w3c'])
})
