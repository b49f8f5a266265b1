import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type ClientRequest, type RequestOptions, get as namedGet } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { nodeHttpClient, traceHttpClient } from 'tdist'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'
import { internals } from '../../support/internals.ts'

const plainRequest = http.request

describe('node:http calls', () => {
  let server: AnsweringServer
  let test: TestTracing
  let undo: () => void
  let agent: http.Agent

  before(async () => {
    server = await answeringServer()
  })
  beforeEach(() => {
    test = createTestTracing()
    undo = nodeHttpClient.install(test.tracing)
    agent = new http.Agent({ keepAlive: true })
  })
  afterEach(() => {
    agent.destroy()
    undo()
    server.requests.length = 0
    test.assertClean()
  })
  after(() => server.close())

  /** What came of a request: the status and body, or the error. */
  const outcome = (make: () => ClientRequest): Promise<object> =>
    new Promise((resolve) => {
      const fail = (error: unknown) => {
        const { code, message, name } = error as NodeJS.ErrnoException
        resolve({ code, name, message: message.replace(/:\d+$/, '') })
      }
      try {
        const req = make()
        req.on('error', fail)
        req.on('response', (res) => {
          let body = ''
          res.on('data', (chunk: Buffer) => (body += chunk.toString()))
          res.on('end', () => resolve({ status: res.statusCode, body }))
          res.on('error', fail)
        })
      } catch (error) {
        fail(error)
      }
    })
  const send = async (...args: unknown[]) => {
    const made = await outcome(() => (http.get as (...args: unknown[]) => ClientRequest)(...args))
    assert.deepEqual(made, { status: 200, body: '' })
    const [span] = await test.take(1)
    const request = server.requests.shift()!
    assert.equal(request.context.spanId, span!.id, 'the server got the IDs')
    assert.equal(request.rawHeaders.filter((name) => /^x-b3-spanid$/i.test(name)).length, 1, 'once')
    return { span: span!, request }
  }

  const base = () => ({ host: '127.0.0.1', port: server.port, agent })
  const forms: Record<string, () => unknown[]> = {
    string: () => [`${server.origin}/form?q=1`],
    URL: () => [new URL(`${server.origin}/form?q=1`)],
    options: () => [{ ...base(), path: '/form?q=1' }],
    'string and options': () => [`${server.origin}/form?q=1`, { agent, headers: { mine: 'yes' } }],
    'URL and options': () => [new URL(`${server.origin}/form?q=1`), { agent, headers: { mine: 'yes' } }],
    'frozen options': () => [
      Object.freeze({ ...base(), path: '/form?q=1', headers: Object.freeze({ mine: 'yes' }) }),
    ],
    'flat headers': () => [
      Object.freeze({
        ...base(),
        path: '/form?q=1',
        headers: Object.freeze(['mine', 'yes', 'host', '127.0.0.1', 'X-B3-SpanId', 'theirs']),
      }),
    ],
    'pairs of headers': () => [
      Object.freeze({
        ...base(),
        path: '/form?q=1',
        headers: Object.freeze([
          ['mine', 'yes'],
          ['host', '127.0.0.1'],
          ['X-B3-SpanId', 'theirs'],
        ]),
      }),
    ],
    'a URL and flat headers': () => [
      `${server.origin}/form?q=1`,
      { agent, headers: ['mine', 'yes', 'host', '127.0.0.1'] },
    ],
    'trace headers of the caller': () => [
      { ...base(), path: '/form?q=1', headers: Object.freeze({ mine: 'yes', 'x-b3-spanid': 'theirs' }) },
    ],
    Expect: () => [
      Object.freeze({
        ...base(),
        path: '/form?q=1',
        headers: Object.freeze({ mine: 'yes', expect: '100-continue', 'x-b3-SPANID': 'theirs' }),
      }),
    ],
  }
  for (const [name, args] of Object.entries(forms)) {
    it(`takes ${name}`, async () => {
      const { span, request } = await send(...args())
      assert.equal(request.path, '/form?q=1')
      assert.equal(span.tags!['http.path'], '/form')
      if (JSON.stringify(args()).includes('mine')) assert.equal(request.headers['mine'], 'yes')
    })
  }

  const wrong: Record<string, () => [unknown, unknown?]> = {
    'no URL': () => ['not a url'],
    'a path with a space': () => [{ ...base(), path: '/a b' }],
    'a method that is none': () => [{ ...base(), method: 'G T' }],
    "another module's protocol": () => [{ ...base(), protocol: 'https:' }],
    'an odd list of headers': () => [{ ...base(), headers: ['odd'] }],
    'a header with a line break': () => [{ ...base(), headers: { mine: 'a\nb' } }],
    'an agent that is none': () => [{ ...base(), agent: 'agent' }],
    nothing: () => [null],
  }
  for (const [name, args] of Object.entries(wrong)) {
    it(`refuses ${name} as node:http does`, async () => {
      const make = (request: typeof http.request) => () => {
        const req = (request as (...args: unknown[]) => ClientRequest)(...args())
        req.end()
        return req
      }
      const traced = await outcome(make(http.request))
      assert.deepEqual(traced, await outcome(make(plainRequest)))
      assert.ok('code' in traced)
      await test.take(test.spans.length)
    })
  }

  const failures: Record<string, { options: () => RequestOptions; then?: (req: ClientRequest) => void }> = {
    'a refused connection': { options: () => ({ port: 1, host: '127.0.0.1' }) },
    'a name that does not resolve': {
      options: () => ({
        host: 'nothing.invalid',
        lookup: (_host, _options, done) => done(new Error('ENOTFOUND, as if'), '', 4),
      }),
    },
    'a socket that closes': {
      options: () => {
        server.enqueue({ disconnect: true })
        return base()
      },
    },
    'a body that breaks off': {
      options: () => {
        server.enqueue({
          by(_req, res) {
            res.writeHead(200, { 'content-length': '10' })
            res.write('half', () => res.destroy())
          },
        })
        return base()
      },
    },
    'a request destroyed at once': { options: base, then: (req) => req.destroy() },
    'a request destroyed with an error': { options: base, then: (req) => req.destroy(new Error('mine')) },
    'a signal that is aborted already': { options: () => ({ ...base(), signal: AbortSignal.abort() }) },
    'a time-out': {
      options: () => ({ ...base(), path: '/silent', timeout: 10 }),
      then: (req) => req.on('timeout', () => req.destroy(new Error('too slow'))),
    },
    'an agent that cannot connect': {
      options: () => ({
        ...base(),
        agent: Object.assign(new http.Agent(), {
          createConnection() {
            throw new Error('no sockets today')
          },
        }),
      }),
    },
    'what is no HTTP': {
      options: () => {
        server.enqueue({ by: (req) => req.socket.end('nonsense\r\n\r\n') })
        return base()
      },
    },
  }
  for (const [name, { options, then }] of Object.entries(failures)) {
    it(`ends the span of ${name}, with the caller's error`, async () => {
      const make = (request: typeof http.request) => () => {
        const req = request(options())
        then?.(req)
        req.end()
        return req
      }
      const traced = (await outcome(make(http.request))) as { message?: string }
      assert.deepEqual(traced, await outcome(make(plainRequest)))
      if (name !== 'an agent that cannot connect') {
        const [span] = await test.take(1)
        assert.ok(span!.tags!['error'], 'tagged')
      } else await test.take(test.spans.length)
    })
  }

  it('adds no listener that Node asks for', async () => {
    const req = http.get(server.origin, { agent })
    assert.equal(req.listenerCount('error'), 0)
    assert.equal(req.listenerCount('response'), 0)
    // With nobody to read it, Node throws the body away, and the call ends.
    await test.take(1)
  })

  it('ends the span of a body that is never read with its connection', async () => {
    server.enqueue({ body: 'unread' })
    const [res] = (await once(http.get(server.origin, { agent }), 'response')) as [http.IncomingMessage]
    assert.equal(test.spans.length, 0)
    res.destroy()
    await test.take(1)
  })

  for (const [name, method, answer] of [
    ['HEAD', 'HEAD', {}],
    ['204', 'GET', { status: 204 }],
    ['an empty body', 'GET', { headers: { 'content-length': '0' } }],
    ['304', 'GET', { status: 304 }],
  ] as const) {
    it(`ends the span of ${name} though nobody reads it`, async () => {
      server.enqueue(answer)
      const req = http.request(server.origin, { agent, method }, () => {})
      req.end()
      await test.take(1)
    })
  }

  it('passes over informational answers', async () => {
    server.enqueue({
      by(_req, res) {
        res.writeProcessing()
        res.writeEarlyHints({ link: '</a>; rel=preload' })
        res.end('done')
      },
    })
    const made = await outcome(() => http.get(server.origin, { agent }))
    assert.deepEqual(made, { status: 200, body: 'done' })
    const [span] = await test.take(1)
    assert.equal(span!.tags!['http.status_code'], undefined)
  })

  it('ends the span of an upgrade when the socket is handed over', async () => {
    server.enqueue({
      by: (req) =>
        void req.socket.write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    })
    const req = http.get(server.origin, { agent, headers: { connection: 'upgrade', upgrade: 'x' } })
    const [, socket] = (await once(req, 'upgrade')) as [unknown, import('node:net').Socket]
    const [span] = await test.take(1)
    assert.equal(span!.tags!['http.status_code'], '101')
    assert.equal(span!.tags!['error'], undefined)
    socket.destroy()
  })

  it('streams bodies up and down, and ends with the last byte', async () => {
    let finish!: () => void
    server.enqueue({
      by(req, res) {
        req.pipe(res, { end: false })
        finish = () => res.end('.')
      },
    })
    const req = http.request(server.origin, { agent, method: 'POST' })
    Readable.from(['one', 'two']).pipe(req)
    const [res] = (await once(req, 'response')) as [http.IncomingMessage]
    let body = ''
    for await (const chunk of res) {
      body += String(chunk)
      if (body === 'onetwo') {
        assert.equal(test.spans.length, 0)
        finish()
      }
    }
    assert.equal(body, 'onetwo.')
    await test.take(1)
  })

  it('makes siblings of parallel calls', async () => {
    const parent = internals(test.tracing).tracer.newTrace(undefined)
    const calls = () => Promise.all(['/a', '/b'].map((path) => outcome(() => http.get(server.origin + path))))
    await test.tracing.dataManager.run(parent, calls)
    const spans = await test.take(2)
    for (const span of spans) assert.equal(span.parentId, parent.context.spanId)
    parent.finish()
    await test.take(1)
  })

  it('shows listeners the span they were added in', async () => {
    const { dataManager, tracer } = internals(test.tracing)
    const [outer, inner] = [tracer.newTrace(undefined), tracer.newTrace(undefined)]
    const req = dataManager.run(outer, () => http.request(server.origin, { agent }))
    const seen = new Promise((resolve) => {
      dataManager.run(inner, () => {
        req.on('response', (res) => {
          res.resume()
          resolve(dataManager.current)
        })
      })
    })
    req.end()
    assert.equal(await seen, inner)
    assert.equal((await test.take(1))[0]!.parentId, outer.context.spanId)
    outer.finish()
    inner.finish()
    await test.take(2)
  })

  it('traces nothing in untraced code, and nothing inside a traced client', async () => {
    const { dataManager, tracer } = internals(test.tracing)
    await dataManager.untraced(() => outcome(() => http.get(server.origin, { agent })))
    const client = tracer.newTrace('CLIENT')
    await dataManager.run(client, () => outcome(() => http.get(server.origin, { agent })))
    for (const { headers } of server.requests) assert.equal(headers['x-b3-traceid'], undefined)
    client.finish()
    await test.take(1)
  })

  it('says nothing of credentials or the query', async () => {
    const url = new URL(server.origin)
    url.username = 'me'
    url.password = 'hunter2'
    url.search = 'q=hunter3'
    await outcome(() => http.get(url, { agent }))
    const [span] = await test.take(1)
    assert.doesNotMatch(JSON.stringify(span), /hunter/)
  })

  it('knows an IPv6 address, and that a unix socket has none', async () => {
    const socketPath = join(tmpdir(), `tdist-${process.pid}.sock`)
    const unix = await answeringServer({ path: socketPath })
    await outcome(() => http.get({ socketPath, path: '/unix' }))
    assert.equal((await test.take(1))[0]!.remoteEndpoint, undefined)
    await unix.close()

    const six = await answeringServer({ host: '::1' }).catch(() => undefined)
    if (six === undefined) return
    await outcome(() => http.get(six.origin))
    assert.deepEqual((await test.take(1))[0]!.remoteEndpoint, { ipv6: '::1', port: six.port })
    await six.close()
  })

  it('puts back what it patched, for ESM too', () => {
    assert.notEqual(http.request, plainRequest)
    assert.equal(namedGet, http.get)
    const twice = nodeHttpClient.install(test.tracing)
    undo()
    undo()
    assert.notEqual(http.request, plainRequest)
    twice()
    assert.equal(http.request, plainRequest)
    assert.equal(namedGet, http.get)
  })

  it('patches nothing when tracing is off', () => {
    undo()
    const off = createTestTracing({ enabled: false })
    nodeHttpClient.install(off.tracing)()
    nodeHttpClient.install(off.tracing)
    assert.equal(http.request, plainRequest)
    assert.equal(traceHttpClient(off.tracing, http).request, plainRequest)
  })
})
