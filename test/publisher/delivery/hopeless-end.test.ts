import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { proto3Encoder } from '#src/codec/proto3.js'
import { httpSender } from '#src/publisher/senders/http-sender.js'
import { kafkaSender } from '#src/publisher/senders/kafka-sender.js'
import { kinesisSender } from '#src/publisher/senders/kinesis-sender.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import type { Sender } from '#src/publisher/senders/sender.js'
import { freePorts } from '../../support/free-ports.ts'
import { absentUrl, assertBalanced, reportMany } from '../support.ts'
import { ended, service, spanSink, start } from '../worker/worker-support.ts'

process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test'
/** So far off that a flush which keeps to it fails the test. */
const FAR_MS = 600_000

for (const worker of [false, true]) {
  describe(`the flush of a process that ends, worker ${worker}`, { concurrency: 2 }, () => {
    const senders: Record<string, () => Promise<Sender>> = {
      'a collector that is absent': async () => httpSender({ url: await absentUrl() }),
      'a name that is unknown': async () => httpSender({ url: 'http://no.such.host.invalid/' }),
      'a stream that is absent': async () =>
        kinesisSender({
          streamName: 'spans',
          region: 'us-east-1',
          endpoint: new URL(await absentUrl()).origin,
        }),
      ...(!worker && {
        'a broker that is absent': async () =>
          kafkaSender({ brokers: [`127.0.0.1:${(await freePorts(1))[0]}`] }),
      }),
    }
    for (const [name, sender] of Object.entries(senders)) {
      test(`gives up on ${name}`, async () => givesUp(await sender()))
    }

    test('gives up on a collector that answers 503', async (t) => {
      const sink = await spanSink((res) => res.writeHead(503).end())
      t.after(() => sink.close())
      await givesUp(httpSender({ url: sink.url }))
    })

    test('waits for a collector that is slow', async (t) => {
      const sink = await spanSink((res) => setTimeout(() => res.writeHead(202).end(), 1000))
      t.after(() => sink.close())
      const publisher = new ServicePublisher(httpSender({ url: sink.url }), proto3Encoder, { worker })
      reportMany(publisher, 3, 1)
      assert.equal(await publisher.flushAtEnd(FAR_MS), true)
      assert.equal(publisher.stats().sent, 3)
      await publisher.close()
    })

    async function givesUp(sender: Sender): Promise<void> {
      const publisher = new ServicePublisher(sender, proto3Encoder, { worker })
      reportMany(publisher, 3, 1)
      assert.equal(await publisher.flushAtEnd(FAR_MS), false)
      const stats = publisher.stats()
      assertBalanced(stats)
      assert.equal(publisher.unsent(), 3)
      assert.ok(stats.failedCalls > 0)
      await publisher.close(1)
    }
  })

  test(`a process ends without asking once more for what was given up, worker ${worker}`, async () => {
    const rest = `
      const { flushAtEnd, flushNow } = tracing.publisher
      tracing.publisher.flushAtEnd = function (ms) { console.log('flush'); return flushAtEnd.call(this, ms) }
      tracing.publisher.flushNow = function () { console.log('now'); return flushNow.call(this) }`
    const sender = `httpSender({ url: '${await absentUrl()}' })`
    const { code, stdout, stderr } = await ended(start(service(sender, 3, rest, `{ worker: ${worker} }`)))
    assert.deepEqual([code, stdout], [0, 'flush\n'])
    assert.match(stderr, /ECONNREFUSED.*\ntdist: 3 spans were not sent before the process ended\n$/)
  })
}
