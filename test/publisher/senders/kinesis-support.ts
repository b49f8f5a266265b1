import assert from 'node:assert/strict'
import { decodeProto3, proto3Encoder } from '#src/codec/proto3.js'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import type { LocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import type { PublisherOptions } from '#src/publisher/publisher-options.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { kinesisSender } from 'tdist/kinesis'
import { assertBalanced } from '../support.ts'

process.env['AWS_ACCESS_KEY_ID'] = 'test'
process.env['AWS_SECRET_ACCESS_KEY'] = 'test'
process.env['AWS_EC2_METADATA_DISABLED'] = 'true'

/** A publisher of proto3 to the stream `spans`, through the real SDK. */
export function publisherTo(endpoint: string, options: PublisherOptions = {}): ServicePublisher {
  return new ServicePublisher(
    kinesisSender({ streamName: 'spans', region: 'us-east-1', endpoint }),
    proto3Encoder,
    options,
  )
}

/** A server span as a service has them; its IDs tell its number, from 1. */
export function serverSpan(i: number): ZipkinSpan {
  const id = i.toString(16).padStart(16, '0')
  return {
    traceId: id,
    id,
    kind: 'SERVER',
    name: 'get /items',
    timestamp: 1_700_000_000_000_000 + i,
    duration: 1000,
    localEndpoint: { serviceName: 'shop', ipv4: '10.0.0.1' },
    remoteEndpoint: { serviceName: 'cart', ipv4: '10.0.0.2', port: 8080 },
    tags: {
      'http.method': 'GET',
      'http.path': `/items/${i}`,
      'http.route': '/items/:id',
      zone: 'eu-west-1a',
    },
  }
}

/** A third of what a publisher may hold by default. */
export const SUSTAINABLE = 20_000

/**
 * Reports so many spans at a steady pace, and checks the accounts at a hundred random instants meanwhile. Waits while
 * the publisher holds more than `held`: a busy machine may not send as fast as that.
 */
export async function offer(
  publisher: ServicePublisher,
  spans: number,
  perSecond: number,
  held = Infinity,
): Promise<void> {
  const start = performance.now()
  const perCheck = spans / 100
  let nextCheck = Math.random() * perCheck
  for (let i = 1; i <= spans;) {
    const due = Math.min(spans, ((performance.now() - start) / 1000) * perSecond)
    const { queued, inFlight } = publisher.stats()
    const room = i + held - queued - inFlight
    while (i <= Math.min(due, room)) {
      publisher.report(serverSpan(i++))
      if (i < nextCheck) continue
      assertBalanced(publisher.stats())
      nextCheck += perCheck
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** How many spans are on the stream, and how many of them more than once. */
export function readBack(kinesis: LocalKinesis): { distinct: number; duplicates: number } {
  const ids = kinesis.records('spans').flatMap(({ data }) => decodeProto3(data).map(({ id }) => id))
  const distinct = new Set(ids).size
  return { distinct, duplicates: ids.length - distinct }
}

/** Closes, and checks that every span is on the stream. */
export async function closeAndFindAll(
  publisher: ServicePublisher,
  kinesis: LocalKinesis,
  spans: number,
): Promise<void> {
  await publisher.close(60_000)
  const stats = publisher.stats()
  assertBalanced(stats)
  assert.equal(stats.sent, spans, JSON.stringify(stats))
  const { distinct, duplicates } = readBack(kinesis)
  assert.equal(distinct, spans)
  assert.ok(duplicates <= stats.possibleDuplicates, `${duplicates} of ${stats.possibleDuplicates}`)
}
