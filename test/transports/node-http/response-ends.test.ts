import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { IncomingMessage, ServerResponse, type RequestListener } from 'node:http'
import http2 from 'node:http2'
import { connect, Socket, type AddressInfo } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, it } from 'node:test'
import express, { type Request, type RequestHandler, type Response } from 'express'
import { nodeHttpServer, traceHttpServer } from 'tdist'
import { traceExpress } from 'tdist/express'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { listen } from '../../support/express-server.ts'
import { call } from '../../support/http-call.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'

describe('a response ends', () => {
  let test: TestTracing
  const open: { close(): Promise<unknown> }[] = []
  const clients: Socket[] = []

  beforeEach(() => {
    test = createTestTracing()
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy()
    for (const one of open.splice(0)) await one.close()
    test.assertClean()
  })

  async function serve(listener: RequestListener, server = http.createServer()): Promise<number> {
    const listening = await listen(traceHttpServer(test.tracing, server.on('request', listener)))
    open.push(listening)
    return listening.port
  }

  /** A connection that has asked. */
  function ask(port: number, bytes = GET): Socket {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.write(bytes)
    clients.push(socket)
    return socket
  }

  async function tagsOf(count = 1): Promise<Record<string, string>> {
    const [span] = await test.take(count)
    return { ...span!.tags }
  }

  describe('that no server made', () => {
    /** As adapters for functions and for tests make them: its `end` writes to nobody, and says so in these events. */
    class Made extends ServerResponse {
      readonly #says: readonly string[]

      constructor(request: IncomingMessage, ...says: readonly string[]) {
        super(request)
        this.#says = says
      }

      override end(): this {
        this.writeHead(this.statusCode)
        super.end()
        for (const event of this.#says) this.emit(event)
        return this
      }
    }

    const request = (): IncomingMessage =>
      Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/' })
    const ways: Record<string, (listener: RequestListener) => RequestListener> = {
      'by traceExpress': (listener) => (incoming, response) => {
        const handler = traceExpress(test.tracing)
        handler(incoming as Request, response as Response, () => listener(incoming, response))
      },
      'by its server': (listener) => {
        const server = traceHttpServer(test.tracing, http.createServer(listener))
        return (...args) => void server.emit('request', ...args)
      },
    }
    for (const [way, handled] of Object.entries(ways)) {
      for (const says of [['finish'], ['close'], ['finish', 'close'], ['prefinish', 'finish', 'finish']]) {
        it(`${way}, with ${says.join(' and ')}`, async () => {
          const incoming = request()
          handled((_incoming, response) => void response.end())(incoming, new Made(incoming, ...says))
          assert.deepEqual(await tagsOf(), { 'http.method': 'GET', 'http.path': '/' })
        })
      }

      it(`${way}, with a close that comes before its end: aborted`, async () => {
        const incoming = request()
        handled((_incoming, response) => void response.emit('close'))(incoming, new Made(incoming))
        assert.equal((await tagsOf())['error'], 'aborted')
      })

      it(`${way}, written to what is no socket`, async () => {
        const incoming = request()
        const response = new ServerResponse(incoming)
        handled(() => void response.writeHead(404).end())(incoming, response)
        response.assignSocket(new PassThrough().resume() as unknown as Socket)
        assert.equal((await tagsOf())['http.status_code'], '404')
        assert.equal(Object.hasOwn(response, 'emit'), false, 'all is as it was')
      })

      it(`${way}, written to what has it at once`, async () => {
        const incoming = request()
        const response = new ServerResponse(incoming)
        const write = (_bytes: unknown, _encoding: unknown, done?: () => void): void => done?.()
        const nothing = (): void => {}
        const socket = {
          on: nothing,
          removeListener: nothing,
          cork: nothing,
          uncork: nothing,
          write,
          writable: true,
        }
        response.assignSocket(Object.assign(socket, { _writableState: {} }) as unknown as Socket)
        handled(() => void response.writeHead(404).end('none'))(incoming, response)
        assert.equal((await tagsOf())['error'], '404')
      })

      it(`${way}, before it is seen`, async () => {
        const incoming = request()
        const response = new ServerResponse(incoming)
        response.assignSocket(new PassThrough().resume() as unknown as Socket)
        await once(response.writeHead(500).end(), 'finish')
        handled(() => {})(incoming, response)
        assert.equal((await tagsOf())['error'], '500')
      })
    }

    it('made of a request that has a response already', async () => {
      const server = http.createServer((incoming, response) => {
        const captured = new ServerResponse(incoming)
        captured.assignSocket(new PassThrough().resume() as unknown as Socket)
        const inner = Object.assign(Object.create(incoming) as Request, { url: '/inner' })
        traceExpress(test.tracing)(inner, captured as Response, () => captured.end())
        captured.on('finish', () => response.end('captured'))
      })
      const listening = await listen(server)
      open.push(listening)
      await call(listening.url)
      assert.equal((await tagsOf())['error'], undefined)
    })

    it('by HTTP/2', async () => {
      const handler = traceExpress(test.tracing)
      const server = http2.createServer((incoming, response) => {
        handler(incoming as unknown as Request, response as unknown as Response, () => {
          if (incoming.url === '/lost') incoming.stream.close(http2.constants.NGHTTP2_CANCEL)
          else response.writeHead(404).end()
        })
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      open.push({
        async close() {
          session.destroy()
          server.close()
          await once(server, 'close')
        },
      })
      for (const [path, error] of [
        ['/none', '404'],
        ['/lost', 'aborted'],
        ['/none', '404'],
      ] as const) {
        const stream = session.request({ ':path': path }).on('error', () => {})
        stream.resume()
        const tags = await tagsOf()
        assert.equal(tags['http.path'], path)
        assert.equal(tags['error'], error)
      }
    })
  })

  describe('on a connection that is no socket of Node’s', () => {
    for (const [how, listener, tags] of [
      ['answered', (_request, response) => void response.writeHead(302).end(), { 'http.status_code': '302' }],
      ['lost', (request) => void request.socket.destroy(), { error: 'aborted' }],
    ] as [string, RequestListener, object][]) {
      it(how, async () => {
        const server = traceHttpServer(test.tracing, http.createServer(listener))
        const [near, far] = pair()
        server.emit('connection', far)
        near.resume().write(GET)
        assert.deepEqual(await tagsOf(), { 'http.method': 'GET', 'http.path': '/', ...tags })
        near.destroy()
      })
    }
  })

  describe('whose client has left', () => {
    const leaving: Record<string, (request: IncomingMessage, end: () => void) => void> = {
      'the request is aborted': (request, end) => void request.on('aborted', end),
      'the request closes': (request, end) => void request.on('close', end),
      'the socket closes': ({ socket }, end) => void socket.on('close', end),
      'the socket closes, heard first': ({ socket }, end) => void socket.prependListener('close', end),
      'it ends': ({ socket }, end) => void socket.prependListener('end', end),
    }
    for (const [when, on] of Object.entries(leaving)) {
      it(`aborted, though its framework ends the response when ${when}`, async () => {
        let client: Socket
        const port = await serve((request, response) => {
          on(request, () => void response.end())
          response.on('error', () => {}).write('half', () => client.destroy())
        })
        client = ask(port, GET.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\nhal'))
        assert.equal((await tagsOf())['error'], 'aborted')
      })
    }

    it('aborted, when the service destroys the request and answers it then', async () => {
      const port = await serve((request, response) => {
        request.destroy()
        response.end('unsent')
      })
      ask(port)
      assert.equal((await tagsOf())['error'], 'aborted')
    })

    it('aborted, when the service destroys the socket and answers then', async () => {
      const port = await serve(({ socket }, response) => void (socket.destroy(), response.end('unsent')))
      ask(port)
      assert.equal((await tagsOf())['error'], 'aborted')
    })

    it('answered, when the service answers and destroys the request then', async () => {
      const port = await serve((request, response) => void (response.end('sent'), request.destroy()))
      ask(port).resume()
      assert.equal((await tagsOf())['error'], undefined)
    })

    const streams: Record<string, { begin: (response: ServerResponse) => void; isError?: boolean }> = {
      'given to writeHead': {
        begin: (response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }),
      },
      'given to writeHead in a list': {
        begin: (response) => response.writeHead(200, ['content-type', 'text/event-stream;charset=utf-8']),
      },
      'set before': {
        begin: (response) => response.setHeader('content-type', 'Text/Event-Stream; charset=utf-8'),
      },
      'of another type': {
        begin: (response) => response.writeHead(200, { 'X-Type': 'text/event-stream' }),
        isError: true,
      },
    }
    for (const [how, { begin, isError = false }] of Object.entries(streams)) {
      it(`${isError ? 'aborted' : 'no error'}, where it is a stream of events, its type ${how}`, async () => {
        let client: Socket
        const port = await serve((_request, response) => {
          begin(response)
          response.write('data: 1\n\n', () => client.destroy())
        })
        client = ask(port)
        const [{ tags, annotations }] = (await test.take(1)) as [import('tdist').ZipkinSpan]
        assert.equal(tags?.['error'], isError ? 'aborted' : undefined)
        assert.deepEqual(
          annotations?.map(({ value }) => value),
          isError ? undefined : ['response abandoned'],
        )
      })
    }

    it('with the error that the service says, where it is a stream of events', async () => {
      let client: Socket
      const port = await serve((_request, response) => {
        test.tracing.tracer.currentSpan?.error(new Error('no more news'))
        response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .write('data: 1\n\n', () => client.destroy())
      })
      client = ask(port)
      assert.equal((await tagsOf())['error'], 'no more news')
    })

    it('no annotation, where the service ends its stream of events', async () => {
      const port = await serve((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: 1\n\n')
      })
      await call(`http://127.0.0.1:${port}`)
      assert.equal((await test.take(1))[0]!.annotations, undefined)
    })
  })

  it('with what the listeners of its end say of the span', async () => {
    const port = await serve((_request, response) => {
      const span = test.tracing.tracer.currentSpan!
      response.on('finish', () => span.tag('finish', 'said')).end()
    })
    await call(`http://127.0.0.1:${port}`)
    assert.equal((await tagsOf())['finish'], 'said')
  })

  describe('of an upgrade that is handled within an application', () => {
    /** As express-ws and its kind do it: a response that is nobody's, for the application to route the request by. */
    async function application(...handlers: RequestHandler[]): Promise<number> {
      const app = express().use(traceExpress(test.tracing))
      app.get('/chat', ...handlers)
      const server = http.createServer()
      const listening = await listen(server)
      open.push(listening)
      server.on('upgrade', (request: Request) => {
        request.socket.on('error', () => {}).on('end', () => request.socket.end())
        request.socket.resume()
        if (handlers[0] === switched) request.socket.write(SWITCH)
        app(request, new ServerResponse(request) as Response)
      })
      return listening.port
    }
    const switched: RequestHandler = (_request, _response, next) => next()
    const answers =
      (bytes: string): RequestHandler =>
      ({ socket }) =>
        void setImmediate(() => socket.write(bytes))

    for (const [when, status, handlers] of [
      ['before', '101', [switched, (_request, _response) => {}]],
      ['later', '101', [answers(SWITCH)]],
      ['with a refusal', '401', [answers('HTTP/1.1 401 Unauthorized\r\n\r\n')]],
      [
        'by a response with its socket',
        '403',
        [
          (request, response) => {
            response.assignSocket(request.socket)
            response.status(403).end()
          },
        ],
      ],
    ] as [string, string, RequestHandler[]][]) {
      it(`with its status, the socket still open, answered ${when}`, async () => {
        const client = ask(await application(...handlers), UPGRADE)
        const [span] = await test.take(1)
        assert.equal(span!.tags?.['http.status_code'], status)
        assert.equal(span!.name, 'GET /chat')
        assert.equal(span!.tags['error'], status === '101' ? undefined : status)
        assert.equal(client.destroyed, false)
        client.destroy()
      })
    }

    it('aborted, when its socket closes unanswered', async () => {
      const client = ask(await application(() => client.destroy()), UPGRADE)
      assert.equal((await tagsOf())['error'], 'aborted')
    })
  })

  describe('named by routing only where there is some', () => {
    const answer: RequestListener = (request, response) => {
      response.writeHead(request.url === '/old' ? 302 : 404, { location: '/' }).end()
    }
    const servers: Record<
      string,
      { make: () => RequestListener; dropIn?: boolean; names: readonly string[] }
    > = {
      'node:http': { make: () => answer, dropIn: true, names: ['GET', 'GET'] },
      'Express, by hand': {
        make: () =>
          express()
            .use(traceExpress(test.tracing))
            .use(answer as RequestHandler),
        names: ['GET not_found', 'GET redirected'],
      },
      'Express, dropped in': {
        make: () => express().use(answer as RequestHandler),
        dropIn: true,
        names: ['GET not_found', 'GET redirected'],
      },
      'Express behind a listener, dropped in': {
        make() {
          const app = express().use(answer as RequestHandler)
          return (request, response) => void app(request, response)
        },
        dropIn: true,
        names: ['GET not_found', 'GET redirected'],
      },
      'Connect and its kind, by hand': {
        make: () => (request, response) =>
          void traceExpress(test.tracing)(request as Request, response as Response, () =>
            answer(request, response),
          ),
        names: ['GET', 'GET'],
      },
    }
    for (const [name, { make, dropIn = false, names }] of Object.entries(servers)) {
      it(name, async () => {
        const undos = dropIn
          ? [nodeHttpServer, (await import('tdist/express')).express].map((one) => one.install(test.tracing))
          : []
        const listening = await listen(http.createServer(make()))
        open.push(listening)
        await call(`${listening.url}/none`)
        await call(`${listening.url}/old`)
        const spans = await test.take(2)
        assert.deepEqual(
          spans.map((span) => span.name),
          names,
        )
        for (const undo of undos) undo()
      })
    }
  })
})

/** Two ends, neither of them a socket. */
function pair(): [Duplex, Duplex] {
  const end = (): Duplex =>
    new Duplex({
      read() {},
      write(bytes, _encoding, done) {
        ;(this === near ? far : near).push(bytes)
        done()
      },
    })
  const near: Duplex = end()
  const far: Duplex = end()
  return [near, far]
}
