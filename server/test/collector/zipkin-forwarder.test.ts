import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { ZipkinForwarder } from '#server/collector/zipkin-forwarder.js'
import { span } from '../../../test/support/trace-spans.js'

interface Post {
  readonly url: string | undefined
  readonly type: string | undefined
  readonly body: string
}

const spans = [span(1, undefined, 'shop', 'a', 0, 10), span(2, 1, 'shop', 'b', 1, 5)]
const json = Buffer.from(JSON.stringify(spans))

/** What begins like a list in proto3 and is told apart by what follows. */
function proto3(text: string): Uint8Array {
  return Buffer.from(`\n${text}`)
}

describe('ZipkinForwarder', () => {
  let answer: (post: Post) => number | undefined
  let headers: Record<string, string>
  let posts: Post[]
  let server: Server
  let url: string

  beforeEach(async () => {
    mock.method(process.stderr, 'write', () => true)
    posts = []
    answer = () => 202
    headers = {}
    server = createServer((req, res) => {
      let body = ''
      req.on('data', (chunk: Buffer) => (body += chunk))
      req.on('end', () => {
        const post = { url: req.url, type: req.headers['content-type'], body }
        posts.push(post)
        const status = answer(post)
        if (status) res.writeHead(status, headers).end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterEach(async () => {
    mock.restoreAll()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('posts records as they are, by their own encoding', async () => {
    const forwarder = new ZipkinForwarder({ url })
    await forwarder.add(spans, json)
    await forwarder.add(spans, proto3('x'))
    await forwarder.close()
    assert.deepEqual(posts, [
      { url: '/api/v2/spans', type: 'application/json', body: json.toString() },
      { url: '/api/v2/spans', type: 'application/x-protobuf', body: '\nx' },
    ])
    assert.deepEqual(forwarder.stats(), { sent: 4, rejected: 0, unsent: 0, held: 0, posts: 2, retries: 0 })
  })

  it('writes as JSON what Zipkin could not read as it is', async () => {
    const forwarder = new ZipkinForwarder({ url: `${url}/api/v2/spans` })
    await forwarder.add(spans, Buffer.from([0x1f, 0x8b, 0, 0]))
    await forwarder.close()
    assert.deepEqual(posts, [{ url: '/api/v2/spans', type: 'application/json', body: json.toString() }])
  })

  it('keeps the path that it is given', async () => {
    const forwarder = new ZipkinForwarder({ url: `${url}/zipkin/` })
    await forwarder.add(spans, json)
    await forwarder.close()
    assert.equal(posts[0]?.url, '/zipkin/api/v2/spans')
  })

  it('puts lists that came while it was posting into one', async () => {
    const forwarder = new ZipkinForwarder({ url })
    for (const text of ['a', 'b', 'c']) await forwarder.add(spans, proto3(text))
    await forwarder.close()
    assert.deepEqual(
      posts.map(({ body }) => body),
      ['\na', '\nb\nc'],
    )
  })

  it('tries again until the server takes them', async () => {
    const failing = [500, 503, 429]
    answer = () => failing.shift() ?? 202
    const forwarder = new ZipkinForwarder({ url })
    await forwarder.add(spans, json)
    await forwarder.close(30_000)
    assert.deepEqual(forwarder.stats(), { sent: 2, rejected: 0, unsent: 0, held: 0, posts: 4, retries: 3 })
  })

  it('tries again when the server did not answer in time', async () => {
    answer = () => (posts.length === 1 ? undefined : 202)
    const forwarder = new ZipkinForwarder({ url, timeoutMs: 1000 })
    await forwarder.add(spans, json)
    await forwarder.close(30_000)
    assert.equal(forwarder.stats().sent, 2)
    assert.equal(forwarder.stats().retries, 1)
  })

  it('counts what the server refuses, and no more than that', async () => {
    answer = ({ body }) => (body.includes('bad') ? 400 : 202)
    const forwarder = new ZipkinForwarder({ url })
    for (const text of ['first', 'good', 'bad', 'fine']) await forwarder.add(spans, proto3(text))
    await forwarder.close()
    assert.deepEqual(
      posts.map(({ body }) => body),
      ['\nfirst', '\ngood\nbad\nfine', '\ngood', '\nbad', '\nfine'],
    )
    assert.deepEqual(forwarder.stats(), { sent: 6, rejected: 2, unsent: 0, held: 0, posts: 5, retries: 0 })
  })

  for (const status of [301, 302, 303, 307, 308]) {
    it(`follows no ${status}: what would arrive there is another request, or spans in the wrong place`, async () => {
      headers = { location: `${url}/elsewhere` }
      answer = ({ url: path }) => (path === '/elsewhere' ? 200 : status)
      const forwarder = new ZipkinForwarder({ url })
      for (const text of ['first', 'second', 'third']) await forwarder.add(spans, proto3(text))
      await forwarder.close()
      assert.deepEqual(
        posts.map(({ url: path }) => path),
        ['/api/v2/spans', '/api/v2/spans'],
        'and no record by itself: the answer is not to the record',
      )
      const { sent, rejected } = forwarder.stats()
      assert.deepEqual({ sent, rejected }, { sent: 0, rejected: 6 })
    })
  }

  it('holds no more than it may: who adds waits for room', async () => {
    let isOpen = false
    answer = () => (isOpen ? 202 : 503)
    const forwarder = new ZipkinForwarder({ url, maxBytes: 10 })
    await forwarder.add(spans, proto3('12345'))
    let isAdded = false
    const adding = forwarder.add(spans, proto3('67890')).then(() => (isAdded = true))
    while (forwarder.stats().retries === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(isAdded, false)
    assert.equal(forwarder.stats().held, 4, 'with that of who waits')
    isOpen = true
    await adding
    await forwarder.close()
    assert.equal(forwarder.stats().sent, 4)
  })

  it('counts what it could not send before the end', async () => {
    answer = () => 503
    const forwarder = new ZipkinForwarder({ url, maxBytes: 10 })
    await forwarder.add(spans, proto3('12345'))
    const waiting = forwarder.add(spans, proto3('67890'))
    await forwarder.close(20)
    await waiting
    const { sent, unsent, held } = forwarder.stats()
    assert.deepEqual({ sent, unsent, held }, { sent: 0, unsent: 4, held: 0 })
  })

  it('counts as unsent what a server that is not there did not take', async () => {
    const forwarder = new ZipkinForwarder({ url: 'http://127.0.0.1:1' })
    await forwarder.add(spans, json)
    await forwarder.close(20)
    assert.equal(forwarder.stats().unsent, 2)
  })
})
