import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { httpSender, type HttpSenderOptions } from '#src/publisher/senders/http-sender.js'
import type { PublisherStats } from '#src/publisher/metrics.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import type { SendError, SpanRecord } from '#src/publisher/senders/sender.js'
import { absentUrl, assertBalanced, collector, newSpan, plainJson, reportMany } from '../support.ts'

const record: SpanRecord = { bytes: Buffer.from(JSON.stringify([newSpan(1)])), spans: 1 }

/** What comes of two spans, one record each. */
async function publish(
  url: string,
  options: HttpSenderOptions = {},
  { maxAgeMs = 30_000, deadlineMs = 60_000 } = {},
): Promise<PublisherStats> {
  const sender = httpSender({ url, encoding: 'json', ...options })
  const publisher = new ServicePublisher(sender, plainJson, { maxSpans: 8, maxAgeMs, concurrency: 1 })
  reportMany(publisher, 2)
  await publisher.close(deadlineMs)
  assertBalanced(publisher.stats())
  return publisher.stats()
}

describe('a collector that answers', () => {
  const cases: [string, (res: ServerResponse, count: number) => void, (stats: PublisherStats) => unknown][] =
    [
      ['202', (res) => res.writeHead(202).end(), ({ sent }) => sent === 2],
      ['200 with a body', (res) => res.end('thanks'), ({ sent }) => sent === 2],
      [
        '200 with a web page, for ever',
        (res) => res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<h1>Log in</h1>'),
        ({ sent, inDoubt }) => sent === 0 && inDoubt > 0,
      ],
      [
        '302 to a page that answers 200',
        (res, count) => res.writeHead(count > 2 ? 200 : 302, { location: '/login' }).end(),
        ({ dropped, calls }) => dropped.rejected === 2 && calls === 2,
      ],
      [
        '400',
        (res) => res.writeHead(400).end('no'),
        ({ dropped, calls }) => dropped.rejected === 2 && calls === 2,
      ],
      ['413', (res) => res.writeHead(413).end(), ({ dropped }) => dropped.rejected === 2],
      ['301', (res) => res.writeHead(301, { location: '/' }).end(), ({ dropped }) => dropped.rejected === 2],
      ['500 for ever', (res) => res.writeHead(500).end(), ({ dropped }) => dropped.expired === 2],
      [
        '500 once',
        (res, count) => res.writeHead(count === 1 ? 500 : 202).end(),
        ({ sent, retriedRecords }) => sent === 2 && retriedRecords === 1,
      ],
      [
        '429 once',
        (res, count) => res.writeHead(count === 1 ? 429 : 202).end(),
        ({ sent, throttledRecords }) => sent === 2 && throttledRecords === 1,
      ],
      [
        'a reset once',
        (res, count) => (count === 1 ? res.socket?.resetAndDestroy() : res.writeHead(202).end()),
        ({ sent, retriedRecords }) => sent === 2 && retriedRecords === 1,
      ],
    ]
  for (const [name, answer, isAsExpected] of cases) {
    test(name, async () => {
      const server = await collector(answer)
      const maxAgeMs = name.includes('for ever') ? 300 : 30_000
      const stats = await publish(server.url, {}, { maxAgeMs })
      server.close()
      assert.ok(isAsExpected(stats), JSON.stringify(stats))
    })
  }

  test('nothing: sent again after the timeout, over a new connection', async () => {
    const server = await collector((res, count) => void (count > 1 && res.writeHead(202).end()))
    const { possibleDuplicates, sent } = await publish(server.url, { timeoutMs: 1000 })
    server.close()
    assert.deepEqual([possibleDuplicates, sent, server.connections()], [1, 2, 2])
  })

  test('a beginning and no end for ever: in doubt', async () => {
    const server = await collector((res) => res.writeHead(202).write('.'))
    const { inDoubt, dropped } = await publish(server.url, { timeoutMs: 50 }, { maxAgeMs: 300 })
    server.close()
    assert.ok(inDoubt > 0)
    assert.equal(inDoubt + dropped.expired, 2)
  })
})

test('a collector that is absent: expired, and close keeps to its deadline', async () => {
  const url = await absentUrl()
  assert.equal((await publish(url, {}, { maxAgeMs: 300 })).dropped.expired, 2)
  const { dropped, inDoubt } = await publish(url, {}, { deadlineMs: 20 })
  assert.equal(dropped.shutdown + inDoubt, 2)
})

test('a rejection is one clear line', async () => {
  const server = await collector((res) => res.writeHead(400).end(`bad list\n${'x'.repeat(1000)}`))
  const { url } = server
  const sender = httpSender({ url })
  await assert.rejects(sender.send([record]), (error: SendError) => {
    assert.equal(error.outcome, 'rejected')
    assert.match(error.message, /^POST http:\/\/127\.0\.0\.1:\d+\/api\/v2\/spans answered 400: bad list\nx+$/)
    assert.ok(error.message.length < 300)
    return true
  })
  await sender.close?.()
  server.close()
})

test('posts what Zipkin expects, over connections that are kept', async () => {
  const server = await collector((res) => res.writeHead(202).end())
  const secret = { headers: { Authorization: 'Bearer x' } }
  for (const [options, type] of [
    [{}, 'application/x-protobuf'],
    [{ encoding: 'json', gzip: true, ...secret }, 'application/json'],
  ] as const) {
    const sender = httpSender({ url: server.url, ...options })
    for (let i = 0; i < 5; i++) await sender.send([record])
    await sender.close?.()
    const { method, url, headers } = server.requests.at(-1)!
    assert.deepEqual([method, url, headers['content-type']], ['POST', '/api/v2/spans', type])
  }
  const { headers } = server.requests.at(-1)!
  assert.deepEqual([headers['content-encoding'], headers['authorization']], ['gzip', 'Bearer x'])
  assert.deepEqual(gunzipSync(server.bodies.at(-1)!), record.bytes)
  assert.deepEqual(server.bodies[0], record.bytes)
  assert.equal(server.connections(), 2)
  server.close()
})

test('sends the credentials that its URL holds', async () => {
  const server = await collector((res) => res.writeHead(202).end())
  const sender = httpSender({ url: server.url.replace('//', '//me:p%40ss@') })
  await sender.send([record])
  await sender.close?.()
  assert.equal(server.requests[0]!.headers['authorization'], `Basic ${btoa('me:p@ss')}`)
  server.close()
})

test('a connection that is never made fails, and is tried again', async () => {
  // A listener whose backlog is full would be the real thing; a TLS server that says nothing is as silent.
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const { port } = silent.address() as { port: number }
  const sender = httpSender({ url: `https://127.0.0.1:${port}`, timeoutMs: 50 })
  await assert.rejects(
    sender.send([record]),
    (error: SendError) => error.outcome === 'failed' && /no connection to 127\.0\.0\.1/.test(error.message),
  )
  silent.close()
})

test('wrong options are said in one line', () => {
  assert.throws(
    () => httpSender({ url: 'localhost:9411' }),
    /must begin with http:\/\/ or https:\/\/, not localhost:9411/,
  )
  assert.throws(() => httpSender({ url: '' }), /must begin with/)
  assert.throws(() => httpSender({ encoding: 'thrift' as 'json' }), /must be 'proto3' or 'json', not thrift/)
  assert.throws(() => httpSender({ timeoutMs: 0 }), /timeoutMs of httpSender must be at least 1, not 0/)
  for (const headers of [{ 'a b': 'c' }, { a: 'b\nc' }, { a: 1 as unknown as string }]) {
    assert.throws(() => httpSender({ headers }), /cannot send the header "a( b)?"/)
  }
})
