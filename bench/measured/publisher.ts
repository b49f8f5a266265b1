import { Kinesis } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { setTimeout as sleep } from 'node:timers/promises'
import { proto3Encoder } from '#src/codec/proto3.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import type { Sender, ZipkinSpan } from 'tdist'
import { kinesisSender } from 'tdist/kinesis'
import { answer } from '../answer.ts'

process.env['AWS_ACCESS_KEY_ID'] = 'any'
process.env['AWS_SECRET_ACCESS_KEY'] = 'thing'
const region = 'us-east-1'

const spans = Array.from({ length: 1000 }, (_, i): ZipkinSpan => {
  const id = (0x10000000 + i).toString(16).padStart(16, '0')
  return {
    traceId: id + id,
    id,
    parentId: id,
    kind: 'SERVER',
    name: 'GET /items/:id',
    timestamp: 1_700_000_000_000_000 + i,
    duration: 1000 + i,
    localEndpoint: { serviceName: 'shop', ipv4: '10.0.0.1' },
    remoteEndpoint: { ipv4: '10.0.0.9', port: 49_152 },
    tags: {
      'http.method': 'GET',
      'http.path': `/items/${i}`,
      'http.route': '/items/:id',
      zone: 'eu-west-1a',
    },
  }
})

let publisher: ServicePublisher | undefined

/** Publishes in bursts that no bound refuses; throws if a span was lost. */
async function publish(endpoint: string, count: number): Promise<void> {
  publisher ??= new ServicePublisher(kinesisSender({ streamName: 'spans', region, endpoint }), proto3Encoder)
  const { sent } = publisher.stats()
  for (let i = 0; i < count; i++) {
    publisher.report(spans[i % spans.length]!)
    if (i % 1000 === 999) {
      do await new Promise(setImmediate)
      while (publisher.stats().queued > 30_000)
    }
  }
  await publisher.flush(60_000)
  const lost = count - (publisher.stats().sent - sent)
  if (lost !== 0) throw new Error(`${lost} of ${count} spans were lost`)
}

/** One PutRecord a span, twenty at a time over connections that are kept. */
async function putEach(endpoint: string, count: number): Promise<void> {
  const client = new Kinesis({ endpoint, region, requestHandler: new NodeHttpHandler() })
  let left = count
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (left-- > 0) {
        const bytes = Buffer.alloc(1000)
        const start = proto3Encoder.start(bytes, 0)
        const end = proto3Encoder.write(bytes, start, bytes.length, spans[left % spans.length]!, true)
        const Data = bytes.subarray(0, proto3Encoder.end(bytes, end))
        await client.putRecord({ StreamName: 'spans', Data, PartitionKey: String(left) })
      }
    }),
  )
  client.destroy()
}

async function cpuPerSpan(count: number, work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

/** A sender that takes `delayMs` for a call. */
function sink(delayMs: number): Sender {
  return {
    encoding: 'proto3',
    maxRecordBytes: 51_184,
    maxRecords: 500,
    maxCallBytes: 256 << 10,
    send: async () => sleep(delayMs),
  }
}

type Lost = Readonly<Record<'burst' | 'slow' | 'flush', number>>

answer({
  publish: ({ endpoint, count }: { endpoint: string; count: number }) =>
    cpuPerSpan(count, () => publish(endpoint, count)),

  putEach: ({ endpoint, count }: { endpoint: string; count: number }) =>
    cpuPerSpan(count, () => putEach(endpoint, count)),

  /** How long `report` takes, in microseconds: median and 99th percentile. */
  async offer({ count }: { count: number }) {
    const offered = new ServicePublisher(sink(1), proto3Encoder)
    const took: number[] = []
    for (let i = 0; i < count; i++) {
      const before = process.hrtime.bigint()
      offered.report(spans[i % spans.length]!)
      took.push(Number(process.hrtime.bigint() - before) / 1000)
      if (i % 1000 === 999) await sleep(1)
    }
    await offered.close()
    took.sort((a, b) => a - b)
    return { p50: took[count >> 1]!, p99: took[Math.floor(count * 0.99)]! }
  },

  async lost(): Promise<Lost> {
    const run = async (
      delayMs: number,
      work: (publisher: ServicePublisher) => Promise<void>,
    ): Promise<number> => {
      const tried = new ServicePublisher(sink(delayMs), proto3Encoder)
      await work(tried)
      const { offered, sent } = tried.stats()
      await tried.close()
      return 100 * (1 - sent / offered)
    }
    return {
      burst: await run(0, async (tried) => {
        for (let i = 0; i < 10_000; i++) tried.report(spans[i % 1000]!)
        await tried.flush()
      }),
      slow: await run(20, async (tried) => {
        for (let i = 0; i < 20_000; i++) {
          tried.report(spans[i % 1000]!)
          if (i % 100 === 99) await new Promise(setImmediate)
        }
        await tried.flush()
      }),
      flush: await run(50, async (tried) => {
        for (let i = 0; i < 512; i++) tried.report(spans[i % 1000]!)
        void tried.flush()
        await tried.flush()
      }),
    }
  },

  /** The same for OpenTelemetry's BatchSpanProcessor. */
  async peerLost(): Promise<Lost> {
    const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
    const run = async (
      delayMs: number,
      work: (end: () => void, flush: () => Promise<void>) => Promise<void>,
    ): Promise<number> => {
      let exported = 0
      let offered = 0
      const processor = new BatchSpanProcessor({
        export(batch, done) {
          setTimeout(() => {
            exported += batch.length
            done({ code: 0 })
          }, delayMs)
        },
        async shutdown() {},
      })
      const provider = new NodeTracerProvider({ spanProcessors: [processor] })
      const tracer = provider.getTracer('bench')
      const end = (): void => {
        offered++
        tracer.startSpan('GET /items/:id').end()
      }
      await work(end, () => processor.forceFlush())
      const lost = 100 * (1 - exported / offered)
      await provider.shutdown()
      return lost
    }
    return {
      burst: await run(0, async (end, flush) => {
        for (let i = 0; i < 10_000; i++) end()
        await flush()
      }),
      slow: await run(20, async (end, flush) => {
        for (let i = 0; i < 20_000; i++) {
          end()
          if (i % 100 === 99) await new Promise(setImmediate)
        }
        await flush()
      }),
      flush: await run(50, async (end, flush) => {
        for (let i = 0; i < 512; i++) end()
        // The batch is full, and its export begins by itself.
        await sleep(10)
        await flush()
      }),
    }
  },
})
