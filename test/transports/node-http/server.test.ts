import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http, { type IncomingMessage, type RequestListener, type Server as HttpServer } from 'node:http'
import https from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, it } from 'node:test'
import type { Span, Tracing, TracingOptions } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { nodeHttpServer, traceHttpServer } from 'tdist'
import { httpServerSuite, type Filter, type Server } from '../../suites/http-server.ts'
import { listen } from '../../support/express-server.ts'
import { call, exchange } from '../../support/http-call.ts'
import { internals } from '../../support/internals.ts'

const pem = readFileSync(new URL('../../../../test/support/localhost.pem', import.meta.url))

/** What the suite of HTTP servers asks for, by hand. */
function answer(tracing: Tracing, filter: Filter): RequestListener {
  const fail = (status: number, message: string): [number, string] => {
    tracing.tracer.currentSpan?.error(new Error(message))
    return [status, '']
  }
  const answers: Record<string, () => [number, string] | Promise<[number, string]>> = {
    '/': () => [200, ''],
    '/foo': () => [200, 'foo'],
    '/badrequest': () => [400, ''],
    '/baggage': () => [200, tracing.tracer.currentSpan?.baggage('user-id') ?? ''],
    '/child': () => tracing.tracer.trace('child', () => [200, '']),
    '/async': async () => setImmediate([200, '']),
    '/exception': () => fail(503, 'not ready'),
    '/exceptionAsync': async () => setImmediate().then(() => fail(503, 'not ready')),
    '/forward': () => answers['/foo']!(),
    '/forwardAsync': async () => setImmediate().then(() => answers['/foo']!()),
    '/exceptionAsyncTimeout': async () => setImmediate().then(() => fail(504, 'Timed out after 1ms')),
    '/exceptionAsyncDispatch': async () => setImmediate().then(() => answers['/exception']!()),
  }
  return (request, response) => {
    filter(request)
    const found = answers[request.url!.split('?')[0]!]
    void Promise.resolve(found ? found() : ([404, ''] as const)).then(([status, body]) =>
      response.writeHead(status).end(body),
    )
  }
}

async function dropIn(tracing: Tracing, make: () => HttpServer): Promise<Server> {
  const uninstall = nodeHttpServer.install(tracing)
  const server = await listen(make())
  return {
    ...server,
    async close() {
      await server.close()
      uninstall()
    },
  }
}

const routes = { routes: false }
httpServerSuite(
  'node:http',
  (tracing, filter) => listen(traceHttpServer(tracing, http.createServer(answer(tracing, filter)))),
  routes,
)
httpServerSuite(
  'node:https',
  (tracing, filter) =>
    listen(traceHttpServer(tracing, https.createServer({ key: pem, cert: pem }, answer(tracing, filter)))),
  routes,
)
httpServerSuite(
  'node:http, dropped in',
  (tracing, filter) => dropIn(tracing, () => http.createServer(answer(tracing, filter))),
  routes,
)
httpServerSuite(
  'node:https, dropped in',
  (tracing, filter) =>
    dropIn(tracing, () => https.createServer({ key: pem, cert: pem }, answer(tracing, filter))),
  routes,
)

/** More than a listener. */
interface Setup {
  readonly setUp: (server: HttpServer) => unknown
}

const using = (setUp: Setup['setUp']): Setup => ({ setUp })

describe('a server of node:http', () => {
  let test: TestTracing
  const open: { close(): Promise<void> }[] = []

  /** A server of its own for this listener, traced with these options. */
  async function serve(
    what: RequestListener | Setup,
    options: Partial<TracingOptions> = {},
    serverOptions: http.ServerOptions = {},
  ) {
    test = createTestTracing(options)
    const server = http.createServer(serverOptions)
    if (typeof what === 'function') server.on('request', what)
    else what.setUp(server)
    const listening = await listen(traceHttpServer(test.tracing, server))
    open.push(listening)
    return listening
  }

  /** What comes back for these bytes, which must be the same with tracing off. */
  async function bytesOf(
    what: RequestListener | Setup,
    writes: readonly string[],
    serverOptions: http.ServerOptions = {},
  ): Promise<string> {
    const untraced = await serve(what, { enabled: false }, serverOptions)
    const expected = await exchange(untraced.port, ...writes)
    const traced = await serve(what, {}, serverOptions)
    const got = await exchange(traced.port, ...writes)
    assert.equal(got, expected)
    return got
  }

  const current = (): Span | undefined => test.tracing.dataManager.current

  afterEach(async () => {
    for (const server of open.splice(0)) await server.close()
    test.assertClean()
  })

  for (const [what, headers, traceId] of [
    ['IDs in upper case', { 'x-b3-traceid': 'A2FB4A1D1A96D312', 'x-b3-spanid': 'A2FB4A1D1A96D312' }, /^a2fb/],
    ['broken IDs', { 'x-b3-traceid': 'A2FB', 'x-b3-spanid': '-' }, /^[0-9a-f]{32}$/],
  ] as const) {
    it(`obeys the denial of a caller with ${what}`, async () => {
      let context: Span['context'] | undefined
      const { url } = await serve((_request, response) => {
        context = current()!.context
        response.end()
      })
      await fetch(url, { headers: { ...headers, 'x-b3-sampled': '0' } })
      assert.match(context!.traceId, traceId)
      assert.equal(context!.sampled, false)
    })
  }

  it('is the server’s span in every listener of request and response', async () => {
    const seen: Record<string, Span | undefined> = {}
    let span: Span | undefined
    const { url } = await serve((request, response) => {
      span = current()
      const note = (name: string) => () => void (seen[name] = current())
      request.on('data', note('data')).on('close', note('request close'))
      request.on('end', () => {
        note('end')()
        response.on('finish', note('finish')).once('close', note('close'))
        response.end('done')
      })
    })
    await call(url, { method: 'POST', body: 'body' })
    const [data] = await test.take(1)
    await setImmediate()
    assert.ok(span)
    assert.equal(data!.id, span.context.spanId)
    assert.deepEqual(Object.keys(seen).sort(), ['close', 'data', 'end', 'finish', 'request close'])
    for (const [name, inListener] of Object.entries(seen)) assert.equal(inListener, span, name)
  })

  it('a scope that the service sets stays current in the listeners it adds there', async () => {
    const inner: (Span | undefined)[] = []
    const { url } = await serve((request, response) => {
      test.tracing.tracer.trace('inner', (span) => {
        inner.push(span)
        request.on('end', () => {
          inner.push(current())
          response.end()
        })
        request.resume()
      })
    })
    await call(url, { method: 'POST', body: 'body' })
    await test.take(2)
    assert.equal(inner[0], inner[1])
  })

  it('streams bodies both ways', async () => {
    const big = 'x'.repeat(1_000_000)
    const { url } = await serve((request, response) => void pipeline(request, response))
    assert.equal((await call(url, { method: 'POST', body: big })).body, big)
    const { url: other } = await serve((request, response) => {
      void (async () => {
        for await (const chunk of request) response.write(chunk)
        response.end(current()?.named)
      })()
    })
    test.assertClean()
    assert.equal((await call(other, { method: 'POST', body: big })).body, `${big}POST`)
    await test.take(1)
  })

  it('requests on one connection each have a trace of their own', async () => {
    const ids: (string | undefined)[] = []
    const { url } = await serve((request, response) => {
      ids.push(current()?.context.traceId)
      request.on('end', () => {
        ids.push(current()?.context.traceId)
        response.end()
      })
      request.resume()
    })
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0; i < 3; i++) await call(url, { agent })
    agent.destroy()
    const spans = await test.take(3)
    assert.deepEqual(
      ids,
      spans.flatMap(({ traceId }) => [traceId, traceId]),
    )
    assert.equal(new Set(ids).size, 3)
    assert.equal(new Set(spans.map(({ remoteEndpoint }) => remoteEndpoint?.port)).size, 1)
  })

  it('pipelined requests are answered in order, each in its own trace', async () => {
    const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
    const bytes = await bytesOf(
      (request, response) => {
        if (request.url === '/slow') setTimeout(() => response.end('slow'), 5)
        else response.end('fast')
      },
      [get('/slow'), get('/fast', 'Connection: close\r\n')],
    )
    assert.ok(bytes.indexOf('slow') < bytes.indexOf('fast'))
    const spans = await test.take(2)
    assert.deepEqual(new Set(spans.map(({ tags }) => tags?.['http.path'])), new Set(['/fast', '/slow']))
    assert.notEqual(spans[0]!.traceId, spans[1]!.traceId)
  })

  it('pipelined requests whose connection goes away are all aborted', async () => {
    const arrived: IncomingMessage[] = []
    const { port } = await serve((request, response) => {
      arrived.push(request)
      // The second is answered, and waits for the first.
      if (arrived.length === 2) {
        response.end('second')
        request.socket.destroy()
      }
    })
    await exchange(port, 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n').catch(
      () => {},
    )
    const spans = await test.take(2)
    assert.deepEqual(
      spans.map(({ tags }) => tags?.['error']),
      ['aborted', 'aborted'],
    )
  })

  it('a client that leaves before the answer: no status, aborted', async () => {
    let client: Socket
    const { port } = await serve(() => client.destroy())
    client = connect(port, '127.0.0.1')
    client.write('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n')
    const [span] = await test.take(1)
    assert.equal(span!.name, 'GET')
    assert.deepEqual({ ...span!.tags }, { 'http.method': 'GET', 'http.path': '/gone', error: 'aborted' })
  })

  it('a client that leaves in the middle of the answer: its status, aborted', async () => {
    const { port } = await serve((_request, response) => void response.writeHead(500).write('half'))
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    const [span] = await test.take(1)
    assert.equal(span!.tags?.['http.status_code'], '500')
    assert.equal(span!.tags['error'], 'aborted')
  })

  it('a client that leaves in the middle of its own body is aborted', async () => {
    let client: Socket
    const { port } = await serve((request, response) => {
      request.on('error', () => {}).on('data', () => client.destroy())
      request.on('end', () => response.end())
    })
    client = connect(port, '127.0.0.1')
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf')
    const [span] = await test.take(1)
    assert.equal(span!.tags?.['error'], 'aborted')
    assert.equal(span!.tags['http.status_code'], undefined)
  })

  it('a server that gives up waiting aborts', async () => {
    const { port } = await serve(
      using((server) => server.on('request', (request) => request.socket.setTimeout(5))),
    )
    assert.equal(await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), '')
    const [span] = await test.take(1)
    assert.equal(span!.tags?.['error'], 'aborted')
  })

  it('answers that have no body, and a status by writeHead, are as they are untraced', async () => {
    const listener: RequestListener = (request, response) => {
      if (request.url === '/304') response.writeHead(304).end()
      else if (request.url === '/201') response.writeHead(201, 'Made', { 'X-A': 'b' }).end('made')
      else response.setHeader('Content-Length', 5).end('hello')
    }
    const line = (method: string, path: string) => [
      `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    ]
    assert.match(await bytesOf(listener, line('HEAD', '/')), /^HTTP\/1.1 200 OK[^]*\r\n\r\n$/)
    const [head] = await test.take(1)
    assert.equal(head!.name, 'HEAD')
    assert.match(await bytesOf(listener, line('GET', '/304')), /^HTTP\/1.1 304 /)
    const [unchanged] = await test.take(1)
    assert.equal(unchanged!.name, 'GET')
    assert.equal(unchanged!.tags?.['http.status_code'], '304')
    assert.equal(unchanged!.tags['error'], undefined)
    assert.match(await bytesOf(listener, line('GET', '/201')), /^HTTP\/1.1 201 Made/)
    const [made] = await test.take(1)
    assert.equal(made!.tags?.['http.status_code'], undefined)
  })

  it('Expect: 100-continue, with and without a listener, and early hints', async () => {
    const post = [
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi',
    ]
    const echo: RequestListener = (request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      request.pipe(response)
    }
    assert.match(
      await bytesOf(echo, post),
      /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 103 Early[^]*HTTP\/1.1 200 /,
    )
    const [plain] = await test.take(1)
    assert.equal(plain!.tags?.['http.status_code'], undefined)
    const own = using((server) => {
      server.on('checkContinue', (request, response) => {
        response.writeContinue()
        // As the manual has it: handed on, and still one request.
        server.emit('request', request, response)
      })
      server.on('request', echo)
    })
    assert.match(await bytesOf(own, post), /^HTTP\/1.1 100 Continue/)
    await test.take(1)
    const expectation = [post[0]!.replace('100-continue', 'gold')]
    assert.match(await bytesOf(echo, expectation), /^HTTP\/1.1 417 /)
    const refuse = using((server) =>
      server.on('checkExpectation', (_request, response) => response.writeHead(417).end('no gold')),
    )
    assert.match(await bytesOf(refuse, expectation), /no gold\r\n/)
    const [refused] = await test.take(1)
    assert.equal(refused!.tags?.['http.status_code'], '417')
  })

  it('a request line that is none, and a clientError listener, are left alone', async () => {
    const own = using((server) => {
      server.on('request', (_request, response) => response.end())
      server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
        socket.end(`HTTP/1.1 400 ${error.code}\r\n\r\n`)
      })
    })
    assert.match(
      await bytesOf((_request, response) => response.end(), ['nonsense\r\n\r\n']),
      /^HTTP\/1.1 400 /,
    )
    assert.match(await bytesOf(own, ['nonsense\r\n\r\n']), /HPE_INVALID/)
  })

  it('a server without a listener', async () => {
    let client: Socket
    const { port } = await serve(
      using(() => {}),
      { spanHandler: { begin: () => void client.destroy() } },
    )
    client = connect(port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const [span] = await test.take(1)
    assert.equal(span!.tags?.['error'], 'aborted')
  })

  describe('upgrades', () => {
    const ask = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
    const accepted = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

    it('end with the answer', async () => {
      let inListener: Span | undefined
      let [plainWrite, plainEnd] = [true, true]
      const upgrade = using((server) => {
        server.on('upgrade', (_request, socket, head) => {
          inListener = current()
          socket.write(accepted)
          ;[plainWrite, plainEnd] = [Object.hasOwn(socket, 'write'), Object.hasOwn(socket, 'end')]
          if (head.length > 0) socket.end(head)
          else socket.on('data', (bytes) => socket.end(bytes))
        })
      })
      assert.equal(await bytesOf(upgrade, [ask, 'hello']), `${accepted}hello`)
      const [span] = await test.take(1)
      assert.equal(span!.id, inListener?.context.spanId)
      assert.equal(span!.name, 'GET')
      assert.equal(span!.tags?.['http.status_code'], '101')
      assert.equal(span!.tags['error'], undefined)
      assert.deepEqual([plainWrite, plainEnd], [false, false])
    })

    it('that are refused have the refusal’s status', async () => {
      const refusal = Buffer.from('HTTP/1.1 401 Unauthorized\r\n\r\n')
      const refuse = using((server) => server.on('upgrade', (_request, socket) => socket.end(refusal)))
      assert.equal(await bytesOf(refuse, [ask]), String(refusal))
      const [span] = await test.take(1)
      assert.equal(span!.tags?.['http.status_code'], '401')
      assert.equal(span!.tags['error'], '401')
    })

    it('whose socket closes are aborted', async () => {
      const drop = using((server) => server.on('upgrade', (_request, socket) => socket.destroy()))
      assert.equal(await bytesOf(drop, [ask]), '')
      const [span] = await test.take(1)
      assert.equal(span!.tags?.['error'], 'aborted')
      assert.equal(span!.tags['http.status_code'], undefined)
    })

    it('that nobody listens for are requests', async () => {
      const [line] = [ask.replace('Upgrade\r\nUpgrade: echo', 'close, Upgrade\r\nUpgrade: echo')]
      assert.match(await bytesOf((_request, response) => response.end('plain'), [line]), /plain/)
      await test.take(1)
    })

    it('CONNECT passes through untraced', async () => {
      const tunnel = using((server) =>
        server.on('connect', (_request, socket) => {
          assert.equal(current(), undefined)
          socket.end('HTTP/1.1 200 OK\r\n\r\n')
        }),
      )
      assert.match(await bytesOf(tunnel, ['CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n']), /200 OK/)
    })
  })

  describe('addresses', () => {
    for (const [forwarded, expected] of [
      ['1.2.3.4', { ipv4: '1.2.3.4' }],
      ['1.2.3.4, 5.6.7.8', { ipv4: '1.2.3.4' }],
      ['2001:db8::1', { ipv6: '2001:db8::1' }],
      ['::ffff:1.2.3.4', { ipv4: '1.2.3.4' }],
      ['unknown', { ipv4: '127.0.0.1' }],
      ['1.2.3.4.5', { ipv4: '127.0.0.1' }],
      [', 1.2.3.4', { ipv4: '127.0.0.1' }],
    ] as const) {
      it(`X-Forwarded-For: ${forwarded}`, async () => {
        const { url } = await serve((_request, response) => response.end())
        await call(url, { headers: { 'X-Forwarded-For': forwarded } })
        const [span] = await test.take(1)
        const { port: _, ...address } = span!.remoteEndpoint!
        assert.deepEqual(address, expected)
      })
    }

    it('of an IPv6 socket', async (t) => {
      test = createTestTracing()
      const server = traceHttpServer(
        test.tracing,
        http.createServer((_request, response) => response.end()),
      )
      try {
        await once(server.listen(0, '::1'), 'listening')
      } catch {
        return t.skip('this host has no IPv6')
      }
      await call(`http://[::1]:${(server.address() as AddressInfo).port}/`)
      const [span] = await test.take(1)
      assert.equal(span!.remoteEndpoint?.ipv6, '::1')
      server.close()
    })
  })

  it('an absolute target loses its scheme, host and query', async () => {
    const { port } = await serve((_request, response) => response.end())
    await exchange(port, 'GET http://a.b/c?d=e HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n')
    const [span] = await test.take(1)
    assert.equal(span!.tags?.['http.path'], '/c')
  })

  describe('faults', () => {
    const failing = () => {
      throw new Error('fault')
    }
    const cases: Record<string, { spans: number; fault?: string; options?: Partial<TracingOptions> }> = {
      'a propagation that throws': { spans: 0, fault: 'http server' },
      'a spanHandler that throws as a span begins': {
        spans: 1,
        fault: 'spanHandler.begin',
        options: { spanHandler: { begin: failing } },
      },
      'a sampler that throws': { spans: 0, fault: 'sampler', options: { sampler: { isSampled: failing } } },
      'a sampling rule that throws': {
        spans: 1,
        fault: 'http rule',
        options: { http: { server: { sampler: failing } } },
      },
      'a request rule that throws': {
        spans: 1,
        fault: 'http rule',
        options: { http: { server: { request: failing } } },
      },
      'a response rule that throws': {
        spans: 1,
        fault: 'http rule',
        options: { http: { server: { response: failing } } },
      },
    }
    for (const [name, { spans, fault, options }] of Object.entries(cases)) {
      it(`${name} leaves the answer as it is`, async () => {
        let calls = 0
        const { url } = await serve((_request, response) => {
          calls++
          response.end('fine')
        }, options)
        if (name.startsWith('a propagation'))
          Object.assign(internals(test.tracing).propagation, { extract: failing })
        const { status, body } = await call(url)
        assert.deepEqual({ status, body, calls }, { status: 200, body: 'fine', calls: 1 })
        await test.take(spans)
        if (fault) assert.deepEqual(test.tracing.faults, { [fault]: 1 })
        if (fault) delete (test.tracing.faults as Partial<Record<string, number>>)[fault]
      })
    }

    it('a response that can never end leaves the listener’s call as it is, without a span', () => {
      test = createTestTracing()
      const server = traceHttpServer(test.tracing, http.createServer())
      const calls: unknown[][] = []
      server.on('request', (...args: unknown[]) => calls.push(args))
      const request = { headers: {}, method: 'GET', url: '/', socket: {} } as IncomingMessage
      assert.equal(server.emit('request', request, null), true)
      assert.deepEqual(calls, [[request, null]])
      assert.deepEqual(test.tracing.faults, { 'http server': 1 })
      delete (test.tracing.faults as Partial<Record<string, number>>)['http server']
    })
  })

  it('what a listener throws is noted, and thrown on as it is', async () => {
    test = createTestTracing()
    const error = new Error('thrown')
    const server = traceHttpServer(
      test.tracing,
      http.createServer((_request, response) => {
        response.statusCode = 500
        throw error
      }),
    )
    const emit = server.emit.bind(server)
    let thrown: unknown
    // In place of the uncaughtException that it would be.
    server.emit = ((...args: Parameters<typeof emit>) => {
      try {
        return emit(...args)
      } catch (caught) {
        thrown = caught
        ;(args[2] as unknown as http.ServerResponse).end()
        return true
      }
    }) as typeof server.emit
    const listening = await listen(server)
    open.push(listening)
    assert.equal((await call(listening.url)).status, 500)
    assert.equal(thrown, error)
    const [span] = await test.take(1)
    assert.equal(span!.tags?.['error'], 'thrown')
  })

  it('a process whose listener throws ends as it does untraced', async () => {
    const ends = await Promise.all([true, false].map(endOfThrowing))
    assert.deepEqual(ends[0], ends[1])
    assert.match(ends[0]!.stderr, /Error: thrown/)
  })

  it('a server opened inside untraced work stays untraced', async () => {
    test = createTestTracing()
    const { tracing } = test
    const server = traceHttpServer(
      tracing,
      http.createServer((_request, response) =>
        response.end(String(tracing.dataManager.current === undefined)),
      ),
    )
    const listening = await internals(tracing).dataManager.untraced(() => listen(server))
    open.push(listening)
    assert.equal((await call(listening.url)).body, 'true')
  })

  it('a server opened inside a traced client call is traced, with a trace of its own', async () => {
    test = createTestTracing()
    const { tracer, dataManager } = internals(test.tracing)
    const client = tracer.newTrace('CLIENT')
    const server = traceHttpServer(
      test.tracing,
      http.createServer((_request, response) => response.end()),
    )
    const listening = await dataManager.run(client, () => listen(server))
    open.push(listening)
    await dataManager.run(undefined, () => call(listening.url))
    const [span] = await test.take(1)
    client.finish()
    await test.take(1)
    assert.equal(span!.kind, 'SERVER')
    assert.notEqual(span!.traceId, client.context.traceId)
  })

  it('traced twice is traced once, and the undo leaves nothing', async () => {
    test = createTestTracing()
    const uninstall = nodeHttpServer.install(test.tracing)
    nodeHttpServer.install(test.tracing)()
    const server = traceHttpServer(
      test.tracing,
      http.createServer((_request, response) => response.end()),
    )
    const listening = await listen(server)
    open.push(listening)
    await call(listening.url)
    await test.take(1)
    uninstall()
    assert.equal(Object.hasOwn(http.Server.prototype, 'emit'), false)
  })

  it('with tracing off nothing is touched', () => {
    test = createTestTracing({ enabled: false })
    const server = http.createServer()
    assert.equal(traceHttpServer(test.tracing, server), server)
    nodeHttpServer.install(test.tracing)()
    assert.equal(Object.hasOwn(server, 'emit'), false)
    assert.equal(Object.hasOwn(http.Server.prototype, 'emit'), false)
  })
})

/** How a process ends whose only listener throws. */
async function endOfThrowing(traced: boolean): Promise<{ code: unknown; stderr: string }> {
  const script = `
    import http from 'node:http'
    import { createTracing } from 'tdist'
    import { traceHttpServer } from 'tdist'
    const sender = { encoding: 'json', maxRecordBytes: 9, maxRecords: 9, maxCallBytes: 9, async send() {} }
    const tracing = createTracing({ serviceName: 'test', sender, enabled: ${traced} })
    const server = traceHttpServer(tracing, http.createServer(() => { throw new Error('thrown') }))
    server.listen(0, '127.0.0.1', () => http.get({ port: server.address().port }).on('error', () => {}))
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: new URL('../../../../', import.meta.url),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  return { code, stderr: /^Error: .*$/m.exec(stderr)?.[0] ?? stderr }
}
