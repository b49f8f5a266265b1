import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { Agent, Client, type Dispatcher, fetch as npmFetch, interceptors, Pool, RetryAgent } from 'undici'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { traceFetch, traceUndici, undici } from 'tdist/undici'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'
import { internals } from '../../support/internals.ts'

type Request = Dispatcher.RequestOptions

describe('undici calls', () => {
  let server: AnsweringServer
  let test: TestTracing
  let agent: Agent
  let undo: () => void

  before(async () => {
    server = await answeringServer()
  })
  beforeEach(() => {
    test = createTestTracing()
    agent = new Agent()
    undo = () => {}
  })
  afterEach(async () => {
    undo()
    await agent.destroy()
    server.requests.length = 0
    test.assertClean()
  })
  after(() => server.close())

  const request = (path = '/', more: Partial<Request> = {}) =>
    ({ origin: server.origin, path, method: 'GET', ...more }) as Request & { origin: string }
  const read = async (response: Promise<Dispatcher.ResponseData>) => (await response).body.text()
  const outcome = async (call: () => Promise<unknown>): Promise<unknown> => {
    try {
      return await call()
    } catch (error) {
      const { code, message, name } = error as NodeJS.ErrnoException
      return { code, message, name }
    }
  }
  const ways: Record<string, () => Dispatcher> = {
    explicit: () => traceUndici(test.tracing, agent),
    'drop-in': () => {
      undo = undici.install(test.tracing)
      return agent
    },
  }

  const headers: Record<string, () => Request['headers']> = {
    none: () => undefined,
    null: () => null,
    'an object': () =>
      Object.freeze({ mine: 'yes', 'X-B3-SPANID': 'theirs', many: Object.freeze(['a', 'b']) }) as never,
    'a flat list': () => Object.freeze(['mine', 'yes', 'x-b3-spanid', 'theirs']) as string[],
    'a Map': () =>
      new Map([
        ['mine', 'yes'],
        ['x-b3-spanid', 'theirs'],
      ]) as never,
    Headers: () => new Headers({ mine: 'yes', 'x-b3-spanid': 'theirs' }) as never,
  }
  for (const [way, trace] of Object.entries(ways)) {
    for (const [form, make] of Object.entries(headers)) {
      it(`${way}: adds to headers given as ${form}, in a copy`, async () => {
        const own = make()
        const options = Object.freeze(request('/', own === undefined ? {} : { headers: own }))
        const before = JSON.stringify(own ? Object.entries(own) : [])
        await read(trace().request(options))
        const [span] = await test.take(1)
        const { rawHeaders, context } = server.requests[0]!
        assert.equal(context.spanId, span!.id)
        assert.equal(rawHeaders.filter((name) => name.toLowerCase() === 'x-b3-spanid').length, 1)
        if (own) assert.equal(server.requests[0]!.headers['mine'], 'yes')
        assert.equal(JSON.stringify(own ? Object.entries(own) : []), before)
      })
    }

    it(`${way}: ends with the last byte, streamed up and down`, async () => {
      let finish!: () => void
      server.enqueue({
        by(req, res) {
          req.pipe(res, { end: false })
          finish = () => res.end('.')
        },
      })
      const { body } = await trace().request(request('/', { method: 'POST', body: Readable.from(['up']) }))
      assert.equal(test.spans.length, 0)
      const text = body.text()
      finish()
      assert.equal(await text, 'up.')
      await test.take(1)
    })

    const failures: Record<string, () => { options: Request & { origin: string } }> = {
      'a refused connection': () => ({ options: { ...request(), origin: 'http://127.0.0.1:1' } }),
      'a socket that closes': () => {
        server.enqueue({ disconnect: true })
        return { options: request() }
      },
      'a body that breaks off': () => {
        server.enqueue({
          by(_req, res) {
            res.writeHead(200, { 'content-length': '10' })
            res.write('half', () => res.destroy())
          },
        })
        return { options: request() }
      },
      'a time-out': () => ({ options: request('/silent', { headersTimeout: 1 }) }),
      'an abort': () => {
        const controller = new AbortController()
        server.enqueue({ by: () => controller.abort() })
        return { options: request('/', { signal: controller.signal }) }
      },
    }
    for (const [name, make] of Object.entries(failures)) {
      it(`${way}: ends the span of ${name}, with the caller's error`, async () => {
        const untraced = await outcome(() => read(agent.request(make().options)))
        const dispatcher = trace()
        assert.deepEqual(await outcome(() => read(dispatcher.request(make().options))), untraced)
        assert.ok((await test.take(1))[0]!.tags!['error'])
      })
    }

    const wrong: Record<string, () => unknown> = {
      'no options': () => undefined,
      'a path without a slash': () => request('nowhere'),
      'a method that is none': () => request('/', { method: 'G T' as 'GET' }),
      'an odd list of headers': () => request('/', { headers: ['odd'] }),
      'headers that are none': () => request('/', { headers: 'odd' as never }),
      'a header with a line break': () => request('/', { headers: { mine: 'a\nb' } }),
    }
    for (const [name, make] of Object.entries(wrong)) {
      it(`${way}: refuses ${name} as undici does`, async () => {
        const untraced = await outcome(() => agent.request(make() as never))
        const dispatcher = trace()
        assert.deepEqual(await outcome(() => dispatcher.request(make() as never)), untraced)
        await test.take(test.spans.length)
      })
    }

    it(`${way}: an answer to HEAD and one nobody reads end by themselves`, async () => {
      const dispatcher = trace()
      await dispatcher.request(request('/', { method: 'HEAD' }))
      await test.take(1)
      server.enqueue({ body: 'unread' })
      await dispatcher.request(request())
      await test.take(1)
    })

    it(`${way}: an upgrade ends when the socket is handed over`, async () => {
      server.enqueue({
        by: (req) =>
          void req.socket.write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      })
      const client = new Client(server.origin)
      const dispatcher = way === 'explicit' ? traceUndici(test.tracing, client) : (trace(), client)
      const { socket } = await dispatcher.upgrade({ path: '/', protocol: 'x' })
      assert.equal((await test.take(1))[0]!.tags!['http.status_code'], '101')
      socket.on('error', () => {})
      await client.destroy()
    })

    it(`${way}: a callback sees the span of its caller`, async () => {
      const { dataManager, tracer } = internals(test.tracing)
      const parent = tracer.newTrace(undefined)
      const dispatcher = trace()
      const seen = await new Promise((resolve) => {
        dataManager.run(parent, () => {
          dispatcher.request(request(), (_error, { body }) => {
            resolve(dataManager.current)
            void body.dump()
          })
        })
      })
      assert.equal(seen, parent)
      await test.take(1)
      parent.finish()
      await test.take(1)
    })
  }

  it('a traced dispatcher is the dispatcher in all else', async () => {
    const pool = new Pool(server.origin)
    const traced = traceUndici(test.tracing, pool)
    assert.ok(traced instanceof Pool)
    assert.equal(traced.constructor, Pool)
    assert.equal(traceUndici(test.tracing, traced), traced)
    const connected = once(pool, 'connect')
    await read(traced.request({ path: '/', method: 'GET' }))
    await connected
    assert.deepEqual(traced.stats, pool.stats)
    await traced.close()
    assert.equal(pool.closed, true)
    assert.equal(traced.closed, true)
    await test.take(1)
  })

  it('a dispatcher of a class of the service’s own keeps its private fields, and the calls of its methods are spans', async () => {
    class Counting extends Agent {
      #asked = 0

      override request(options: never): never {
        this.#asked++
        return super.request(options) as never
      }

      asked(): number {
        return this.#asked
      }
    }
    const counting = new Counting()
    const traced = traceUndici(test.tracing, counting)
    await read(traced.request(request('/counted') as never))
    assert.deepEqual([traced.asked(), counting.asked()], [1, 1])
    assert.equal(
      traced.on('drain', () => {}),
      traced,
    )
    assert.equal(server.requests[0]!.context.sampled, true)
    await test.take(1)
    await traced.close()
  })

  it('a dispatcher may be given the traced dispatch for its own, and be frozen', async () => {
    agent.dispatch = Reflect.get(traceUndici(test.tracing, agent), 'dispatch') as Agent['dispatch']
    await read(agent.request(request('/own')))
    const frozen = Object.freeze({
      dispatch: agent.dispatch.bind(agent),
      request: (options: Request) => agent.request(options as never),
    }) as unknown as Dispatcher
    const traced = traceUndici(test.tracing, frozen)
    assert.notEqual(Reflect.get(traced, 'dispatch'), Reflect.get(frozen, 'dispatch'))
    await read(traced.request(request('/frozen')))
    await test.take(2)
  })

  it('each retry below a retrying dispatcher is a span; above it the call is one', async () => {
    const retry = { minTimeout: 1, maxRetries: 2, statusCodes: [503] }
    server.enqueue({ status: 503 })
    const inner = new RetryAgent(traceUndici(test.tracing, agent), retry)
    await read(inner.request(request()))
    assert.equal((await test.take(2)).filter(({ tags }) => tags!['error'] === '503').length, 1)

    // With the drop-in way on as well: it knows the attempts by their headers.
    undo = undici.install(test.tracing)
    server.enqueue({ status: 503 })
    const outer = traceUndici(test.tracing, new RetryAgent(agent, retry))
    await read(outer.request(request()))
    const [span] = await test.take(1)
    assert.equal(span!.tags!['error'], undefined)
    await outer.close()
  })

  it('takes interceptors of both kinds of handler', async () => {
    const traced = traceUndici(test.tracing, agent).compose(
      interceptors.dump(),
      interceptors.redirect({ maxRedirections: 2 }),
    )
    server.enqueue({ status: 302, headers: { location: '/there' } })
    assert.equal((await traced.request(request('/here'))).statusCode, 200)
    assert.deepEqual(
      (await test.take(2)).map(({ tags }) => tags!['http.path']),
      ['/here', '/there'],
    )
  })

  it('takes options that are no plain object', async () => {
    class Options {
      readonly origin = server.origin
      readonly method = 'GET'
      readonly headers = Object.freeze({ mine: 'yes' }) as never
      get path() {
        return '/got'
      }
    }
    const client = new Client(server.origin)
    await read(traceUndici(test.tracing, client).request(Object.freeze(new Options())))
    const [span] = await test.take(1)
    assert.equal(span!.tags!['http.path'], '/got')
    assert.equal(server.requests[0]!.headers['mine'], 'yes')
    assert.equal(server.requests[0]!.context.spanId, span!.id)
    await client.close()
  })

  it('traces no call in untraced code, nor inside a traced client', async () => {
    undo = undici.install(test.tracing)
    const { dataManager, tracer } = internals(test.tracing)
    await dataManager.untraced(() => read(agent.request(request())))
    const client = tracer.newTrace('CLIENT')
    await dataManager.run(client, () => read(traceUndici(test.tracing, agent).request(request())))
    for (const { headers } of server.requests) assert.equal(headers['x-b3-traceid'], undefined)
    client.finish()
    await test.take(1)
  })

  it('is the dispatcher itself, and fetch itself, when tracing is off', () => {
    const off = createTestTracing({ enabled: false })
    assert.equal(traceUndici(off.tracing, agent), agent)
    assert.equal(traceFetch(off.tracing, fetch), fetch)
  })

  describe('traceFetch', () => {
    it('takes what fetch takes, and changes none of it', async () => {
      const traced = traceFetch(test.tracing, fetch)
      assert.equal(traceFetch(test.tracing, traced), traced)
      const init = Object.freeze({ headers: Object.freeze({ mine: 'yes', 'x-b3-spanid': 'theirs' }) })
      const own = new Request(server.origin, { method: 'POST', body: 'body', headers: { mine: 'yes' } })
      for (const args of [[server.origin, init], [new URL(server.origin), init], [own]] as [
        string,
        RequestInit?,
      ][]) {
        const response = await traced(...args)
        await response.text()
        const [span] = await test.take(1)
        const { headers, context } = server.requests.shift()!
        assert.equal(headers['mine'], 'yes')
        assert.equal(context.spanId, span!.id)
      }
      assert.equal(own.headers.get('x-b3-traceid'), null)
    })

    it('works on the npm package too, by the dispatcher that it is given', async () => {
      const traced = traceFetch(test.tracing, npmFetch)
      const response = await traced(server.origin, { dispatcher: traceUndici(test.tracing, agent) })
      await response.text()
      await test.take(1)
    })

    it('is the fetch that it was given in all that hangs on it', async () => {
      const given = Object.assign((url: string) => fetch(url), { raw: () => 'raw', Headers })
      const traced = traceFetch(test.tracing, given)
      assert.deepEqual(
        [traced.raw(), traced.Headers, traced.name, traced.length],
        ['raw', Headers, given.name, 1],
      )
      assert.equal((await traced(server.origin)).status, 200)
      await test.take(1)
    })

    it('rejects as fetch does', async () => {
      const traced = traceFetch(test.tracing, fetch)
      const gone = await answeringServer()
      await gone.close()
      for (const url of ['not a url', gone.origin, 'data:text/plain,hello']) {
        const status = (from: typeof fetch) => outcome(async () => (await from(url)).status)
        assert.deepEqual(await status(traced), await status(fetch))
      }
      assert.ok((await test.take(1))[0]!.tags!['error'])
    })
  })
})
