import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Encoder } from '#src/codec/encoder.js'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import type { PublisherStats } from '#src/publisher/metrics.js'
import type { Reporter } from '#src/publisher/reporter.js'
import type { Outcome, Sender, SpanRecord } from '#src/publisher/senders/sender.js'
import { freePorts } from '../support/free-ports.ts'

/** The plainest encoder there is, so that the publisher's tests are about the publisher. */
export const plainJson: Encoder = {
  encoding: 'json',
  contentType: 'application/json',
  listOverhead: 2,
  start: (target, offset) => offset + target.write('[', offset),
  write: (target, offset, limit, span, first) => {
    const text = (first ? '' : ',') + JSON.stringify(span)
    if (offset + Buffer.byteLength(text) > limit) return -1
    return offset + target.write(text, offset)
  },
  end: (target, offset) => offset + target.write(']', offset),
}

/** The same bytes under the name of proto3, for senders that take no other. */
export const plainJsonAsProto3: Encoder = { ...plainJson, encoding: 'proto3' }

export function newSpan(i: number, extra: Partial<ZipkinSpan> = {}): ZipkinSpan {
  const id = i.toString(16).padStart(16, '0')
  return { traceId: id, id, name: 'get /', timestamp: 1_700_000_000_000_000 + i, duration: 1000, ...extra }
}

export const never = (): Promise<never> => new Promise(() => {})

export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((r) => (resolve = r))
  return { promise, resolve }
}

export function reportMany(reporter: Reporter, count: number, from = 0): void {
  for (let i = from; i < from + count; i++) reporter.report(newSpan(i))
}

export function idsOf(records: Iterable<SpanRecord>): string[] {
  return [...records].flatMap(({ bytes }) =>
    (JSON.parse(Buffer.from(bytes).toString()) as ZipkinSpan[]).map(({ id }) => id),
  )
}

export function droppedOf({ dropped }: PublisherStats): number {
  return Object.values(dropped).reduce((sum, spans) => sum + spans, 0)
}

export function assertBalanced(stats: PublisherStats): void {
  const { offered, sent, inDoubt, queued, inFlight } = stats
  assert.equal(sent + inDoubt + droppedOf(stats) + queued + inFlight, offered, JSON.stringify(stats))
}

export interface TestSender extends Sender {
  /** Every call so far. */
  readonly calls: (readonly SpanRecord[])[]
  /** What was given as sent. */
  readonly stored: SpanRecord[]
}

/** A sender whose answer a test decides; by default it stores everything. */
export function testSender(
  answer: (records: readonly SpanRecord[], call: number) => unknown = () => undefined,
  limits: Partial<Sender> = {},
): TestSender {
  const calls: (readonly SpanRecord[])[] = []
  const stored: SpanRecord[] = []
  return {
    encoding: 'json',
    maxRecordBytes: 51_200,
    maxRecords: 500,
    maxCallBytes: 256 << 10,
    ...limits,
    calls,
    stored,
    async send(records) {
      calls.push(records)
      const outcomes = (await answer(records, calls.length)) as readonly Outcome[] | undefined
      stored.push(...records.filter((_, i) => outcomes === undefined || outcomes[i] === 'sent'))
      return outcomes
    },
  }
}

export interface Collector {
  readonly url: string
  readonly bodies: Buffer[]
  readonly requests: IncomingMessage[]
  readonly connections: () => number
  readonly close: () => void
}

/** A real HTTP server on a free port of loopback. `answer` gets each request once its body is in. */
export async function collector(answer: (res: ServerResponse, count: number) => void): Promise<Collector> {
  const bodies: Buffer[] = []
  const requests: IncomingMessage[] = []
  let connections = 0
  const server: Server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      requests.push(req)
      bodies.push(Buffer.concat(chunks))
      answer(res, bodies.length)
    })
  })
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/api/v2/spans`,
    bodies,
    requests,
    connections: () => connections,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Where nothing listens. */
export async function absentUrl(): Promise<string> {
  const [port] = await freePorts(1)
  return `http://127.0.0.1:${port}/api/v2/spans`
}
