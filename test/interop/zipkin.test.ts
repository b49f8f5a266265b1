import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis'
import { createTracing, httpSender, type Sender, type ZipkinSpan } from 'tdist'
import { kafkaSender } from 'tdist/kafkajs'
import { kinesisSender } from 'tdist/kinesis'
import { startLocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import { createTopic, startKafkaBroker, type KafkaBroker } from '../support/kafka-broker.ts'
import { startZipkinServer, type ZipkinServer } from '../support/zipkin-server.ts'
import { internals } from '../support/internals.ts'

describe('a real Zipkin server', async () => {
  const kafka = await kafkaForZipkin()
  if (typeof kafka !== 'string') after(() => kafka.stop())
  const kafkaBrokers = typeof kafka === 'string' ? undefined : kafka.brokers
  const server = await startZipkinServer({ kafkaBrokers })
  if (typeof server === 'string') {
    it('takes what we send', { skip: process.env['CI'] ? false : server }, () => assert.fail(server))
    return
  }
  after(() => server.stop())

  for (const encoding of ['proto3', 'json'] as const) {
    it(`gives back what was posted to it as ${encoding}`, async () => {
      const sent = await publish(httpSender({ url: `${server.url}/api/v2/spans`, encoding }))
      assert.deepEqual(
        await stored(server, sent[0]!.traceId, sent.length),
        sent.map(asZipkin).toSorted(byTime),
      )
    })
  }

  const noKafka = typeof kafka === 'string' && kafka
  for (const encoding of ['proto3', 'json'] as const) {
    it(
      `gives back what it read from Kafka as ${encoding}`,
      { skip: process.env['CI'] ? false : noKafka },
      async () => {
        assert.ok(typeof kafka !== 'string', noKafka || undefined)
        const sent = await publish(kafkaSender({ brokers: kafka.brokers, encoding }))
        assert.deepEqual(
          await stored(server, sent[0]!.traceId, sent.length),
          sent.map(asZipkin).toSorted(byTime),
        )
      },
    )
  }

  it('gives back what went through the embedded Kinesis', async () => {
    const kinesis = await startLocalKinesis({ streams: { spans: 2 } })
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
    const client = new KinesisClient({ endpoint: kinesis.endpoint, region: 'us-east-1', credentials })
    try {
      const sent = await publish(kinesisSender({ streamName: 'spans', client }))
      for (const record of await records(client, 'spans')) {
        // As Zipkin's own Kinesis collector does: the record's bytes, undecoded.
        const headers = { 'content-type': 'application/x-protobuf' }
        const answer = await fetch(`${server.url}/api/v2/spans`, { method: 'POST', headers, body: record })
        assert.equal(answer.status, 202)
      }
      assert.deepEqual(
        await stored(server, sent[0]!.traceId, sent.length),
        sent.map(asZipkin).toSorted(byTime),
      )
    } finally {
      client.destroy()
      await kinesis.close()
    }
  })
})

/** A server that is not ours reads the topic of brokers that are not ours either, if of any. */
async function kafkaForZipkin(): Promise<KafkaBroker | string> {
  if (process.env['ZIPKIN_URL'] && !process.env['KAFKA_BROKERS']) {
    return 'KAFKA_BROKERS does not name the brokers of the server at ZIPKIN_URL'
  }
  const kafka = await startKafkaBroker()
  if (typeof kafka !== 'string') await createTopic(kafka.brokers, 'zipkin')
  return kafka
}

/** A trace with everything a span can hold, sent; returns its spans as they were handed to the publisher. */
async function publish(sender: Sender): Promise<ZipkinSpan[]> {
  const sent: ZipkinSpan[] = []
  const spanHandler = { end: (data: ZipkinSpan) => void sent.push(structuredClone(data)) }
  const tracing = createTracing({ serviceName: 'shop', sender, spanHandler })
  const { tracer, dataManager } = internals(tracing)
  const server = tracer.newTrace('SERVER').name('get /carts/:id').remote({ ipv4: '192.0.2.7', port: 4711 })
  await dataManager.run(server, async () => {
    const call = tracer
      .nextSpan('CLIENT')
      .name('post')
      .remote({ serviceName: 'prices', ipv6: '2001:db8::1', port: 80 })
    call.tag('http.path', '/prices/größe/数').annotate('retried ☂').error(new Error('too many requests'))
    call.finish()
    await tracer.trace(
      'render',
      { tags: { items: 3, empty: '' } },
      () => new Promise((done) => setTimeout(done, 2)),
    )
  })
  server.finish()
  await tracing.close()
  assert.equal(sent.length, 3)
  return sent
}

async function records(client: KinesisClient, StreamName: string): Promise<Uint8Array<ArrayBuffer>[]> {
  const { Shards } = await client.send(new ListShardsCommand({ StreamName }))
  const found: Uint8Array<ArrayBuffer>[] = []
  for (const { ShardId } of Shards!) {
    const at = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
    const { ShardIterator } = await client.send(new GetShardIteratorCommand(at))
    const { Records } = await client.send(new GetRecordsCommand({ ShardIterator }))
    found.push(...Records!.map((record) => record.Data as Uint8Array<ArrayBuffer>))
  }
  return found
}

/** The trace from Zipkin's API, once all its spans are there. */
async function stored({ url }: ZipkinServer, traceId: string, count: number): Promise<unknown[]> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const answer = await fetch(`${url}/api/v2/trace/${traceId}`)
    const spans = answer.ok ? ((await answer.json()) as { timestamp: number }[]) : []
    if (spans.length >= count || Date.now() > deadline) return spans.toSorted(byTime)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** As Zipkin writes it: what is absent or empty is left out. */
function asZipkin(span: ZipkinSpan): { timestamp: number } {
  const tags = Object.keys(span.tags ?? {}).length > 0 ? span.tags : undefined
  return JSON.parse(JSON.stringify({ ...span, tags })) as { timestamp: number }
}

function byTime(a: { timestamp: number }, b: { timestamp: number }): number {
  return a.timestamp - b.timestamp
}
