import assert from 'node:assert/strict'
import http from 'node:http'
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, it } from 'node:test'
import express5, { type Express, type NextFunction, type Request, type Response } from 'express'
import type { Tracing, TracingOptions, ZipkinSpan } from 'tdist'
import { express as instrumentation, traceExpress } from 'tdist/express'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { nodeHttpServer } from 'tdist'
import { httpServerSuite, type Server } from '../../suites/http-server.ts'
import { addRoutes, listen, type ExpressModule } from '../../support/express-server.ts'
import { call, type Answer, type Call } from '../../support/http-call.ts'
import { internals } from '../../support/internals.ts'

const express4 = createRequire(import.meta.url)('express4') as ExpressModule
const WAYS = ['by traceExpress', 'dropped in', 'dropped in and by traceExpress'] as const
const VERSIONS = { 'Express 4': express4, 'Express 5': express5 as ExpressModule }

/** A server of an application, traced in this way. `setUp` comes after the middleware. */
async function serve(
  express: ExpressModule,
  way: (typeof WAYS)[number],
  tracing: Tracing,
  setUp: (app: Express) => void,
  toListener: (app: Express) => http.RequestListener = (app) => app,
): Promise<Server & { readonly port: number }> {
  const uninstalls = way.startsWith('dropped in')
    ? [nodeHttpServer.install(tracing), instrumentation.install(tracing)]
    : []
  const app = express()
  app.set('env', 'test')
  if (way.endsWith('traceExpress')) app.use(traceExpress(tracing))
  setUp(app)
  const server = await listen(http.createServer(toListener(app)))
  return {
    ...server,
    async close() {
      await server.close()
      for (const uninstall of uninstalls.reverse()) uninstall()
    },
  }
}

for (const [version, express] of Object.entries(VERSIONS)) {
  for (const way of WAYS) {
    httpServerSuite(
      `${version}, ${way}`,
      (tracing, filter) => serve(express, way, tracing, (app) => addRoutes(express, app, tracing, filter)),
      { routes: true },
    )
    behaviour(version, express, way)
  }
}

interface Expected {
  readonly path: string
  readonly method?: string
  readonly status?: number
  readonly name: string
  readonly error?: string | undefined
}

function behaviour(version: string, express: ExpressModule, way: (typeof WAYS)[number]): void {
  const five = version === 'Express 5'

  describe(`${version}, ${way}`, () => {
    let test: TestTracing
    const servers: Server[] = []

    async function start(
      setUp: (app: Express) => void,
      options: Partial<TracingOptions> = {},
      toListener?: (app: Express) => http.RequestListener,
    ) {
      test = createTestTracing(options)
      const server = await serve(express, way, test.tracing, setUp, toListener)
      servers.push(server)
      return server
    }

    const { stackTraceLimit } = Error

    afterEach(async () => {
      Error.stackTraceLimit = stackTraceLimit
      for (const server of servers.splice(0)) await server.close()
      test.assertClean()
    })

    /** Each request answered as it is untraced, and its span named as expected. */
    async function check(setUp: (app: Express) => void, ...expected: Expected[]): Promise<ZipkinSpan[]> {
      const spans: ZipkinSpan[] = []
      // Express shows stacks in its answers, and ours are in them.
      Error.stackTraceLimit = 0
      const ask = async (url: string): Promise<Answer[]> => {
        const answers = []
        for (const { path, method = 'GET' } of expected) answers.push(await call(url + path, { method }))
        return answers
      }
      const untraced = await start(setUp, { enabled: false })
      const answers = await ask(untraced.url)
      await servers.pop()!.close()
      const traced = await start(setUp)
      assert.deepEqual(await ask(traced.url), answers)
      for (const [i, { status = 200, name, error }] of expected.entries()) {
        const [span] = await test.take(1)
        assert.equal(answers[i]!.status, status)
        assert.equal(span!.name, name)
        assert.equal(span!.tags?.['error'], error ?? (status > 399 ? String(status) : undefined))
        spans.push(span!)
      }
      return spans
    }

    const send = (request: Request, response: Response): void => void response.send(request.originalUrl)

    it('mounted routers and applications, with parameters in the mounts, two deep', async () => {
      await check(
        (app) => {
          const posts = express.Router()
          posts.get('/', send)
          posts.get('/comments/:comment', send)
          const users = express.Router()
          users.use('/posts/:post', posts)
          users.use('/all', posts)
          users.get('/:field', send)
          app.use('/users/:user', users)
          const inner = express()
          inner.get('/a/:b', send)
          inner.use('/deep/:c', posts)
          const outer = express()
          outer.use('/inner/:id', inner)
          app.use('/outer', outer)
          app.use(['/one/:x', '/two'], posts)
          app.get('/', send)
        },
        { path: '/users/1/posts/2/comments/3', name: 'GET /users/:user/posts/:post/comments/:comment' },
        { path: '/users/1/posts/2/', name: 'GET /users/:user/posts/:post' },
        { path: '/users/1/all/comments/3', name: 'GET /users/:user/all/comments/:comment' },
        { path: '/users/1/1', name: 'GET /users/:user/:field' },
        { path: '/users/posts/posts/posts', name: 'GET /users/:user/posts/:post' },
        { path: '/outer/inner/1/a/2', name: 'GET /outer/inner/:id/a/:b' },
        { path: '/outer/inner/1/deep/2/comments/3', name: 'GET /outer/inner/:id/deep/:c/comments/:comment' },
        { path: '/one/1/comments/2', name: 'GET /one/:x/comments/:comment' },
        { path: '/two/comments/2', name: 'GET /two/comments/:comment' },
        { path: '/', name: 'GET /' },
        { path: '/users/1/posts/2/nothing/here', status: 404, name: 'GET not_found' },
      )
    })

    it('a mount that passes a request on leaves its name to the one that answers', async () => {
      await check(
        (app) => {
          const empty = express.Router()
          const full = express.Router()
          full.get('/x', send)
          app.use('/a/:first', empty)
          app.use('/a/:second', full)
          app.use('/b/:first', empty)
          app.use('/b/:first/deeper', full)
        },
        { path: '/a/1/x', name: 'GET /a/:second/x' },
        { path: '/b/1/deeper/x', name: 'GET /b/:first/deeper/x' },
      )
    })

    it('expressions and arrays of paths have names, and few', async () => {
      const [first, second] = await check(
        (app) => {
          const router = express.Router()
          router.get('/x', send)
          app.get(/^\/expression\/(\d+)$/, send)
          app.get(['/left/:id', '/right'], send)
          app.use(/^\/mount\/(\d+)/, router)
        },
        { path: '/expression/1', name: String.raw`GET (^\/expression\/(\d+)$)` },
        { path: '/right', name: 'GET (/left/:id|/right)' },
        { path: '/mount/1/x', name: String.raw`GET (^\/mount\/(\d+))/x` },
        { path: '/mount/2/x', name: String.raw`GET (^\/mount\/(\d+))/x` },
      )
      assert.ok(first && second)
    })

    it('a template is told as it was written, whatever the request’s case and slashes', async () => {
      await check(
        (app) => {
          const router = express.Router()
          router.get('/Items/:id/', send)
          app.use('/Api/', router)
        },
        { path: '/API/items/1', name: 'GET /Api/Items/:id' },
        { path: '/api/items/1/', name: 'GET /Api/Items/:id' },
      )
    })

    it('next(route) and next(router) leave the name to the one that answers', async () => {
      await check(
        (app) => {
          const skip = (how?: string) => (_request: Request, _response: Response, next: NextFunction) =>
            next(how as 'route')
          app.get('/route/:a', skip('route'), send)
          app.get('/route/:b', send)
          app.get('/plain/:a', skip())
          app.get('/plain/:b', skip())
          const router = express.Router()
          router.get('/:a', skip('router'), send)
          router.get('/:b', send)
          app.use('/router', router)
          app.get('/router/:c', send)
          app.get('/nobody', skip('route'))
          app.get('/any/:id', skip())
          app.use('/any', send)
        },
        { path: '/route/1', name: 'GET /route/:b' },
        { path: '/router/1', name: 'GET /router/:c' },
        { path: '/plain/1', status: 404, name: 'GET not_found' },
        { path: '/nobody', status: 404, name: 'GET not_found' },
        { path: '/any/1', name: 'GET' },
      )
    })

    it('a handler that passes on what it has answered keeps its name', async () => {
      await check(
        (app) => {
          app.get('/early', (request, response, next) => {
            send(request, response)
            next()
          })
          app.get('/{*rest}'.slice(0, five ? undefined : 1), () => {})
        },
        { path: '/early', name: 'GET /early' },
      )
    })

    it('errors: thrown, passed on, of middleware, of parameters, of error middleware', async () => {
      await check(
        (app) => {
          app.param('bad', (_request, _response, next) => next(new Error('bad parameter')))
          app.get('/thrown', () => {
            throw new Error('thrown')
          })
          app.get('/passed', (_request, _response, next) => next(new Error('passed')))
          app.get('/parameter/:bad', send)
          app.use('/middleware', (_request, _response, next) => next(new Error('middleware')))
          app.get('/string', (_request, _response, next) => next('a string'))
          const router = express.Router()
          router.get('/nested', () => {
            throw Object.assign(new Error('nested'), { status: 418 })
          })
          app.use('/router', router)
        },
        { path: '/thrown', status: 500, name: 'GET /thrown', error: 'thrown' },
        { path: '/passed', status: 500, name: 'GET /passed', error: 'passed' },
        { path: '/parameter/1', status: 500, name: 'GET', error: 'bad parameter' },
        { path: '/middleware', status: 500, name: 'GET', error: 'middleware' },
        { path: '/string', status: 500, name: 'GET /string', error: 'a string' },
        { path: '/router/nested', status: 418, name: 'GET /router/nested', error: 'nested' },
      )
    })

    it('error middleware answers as it does untraced, and the error is told', async () => {
      await check(
        (app) => {
          app.get('/handled', () => {
            throw new Error('first')
          })
          app.get(
            '/inside',
            () => {
              throw new Error('inside')
            },
            (_error: Error, _request: Request, response: Response, _next: NextFunction) =>
              void response.status(409).send('inside'),
          )
          app.get('/again', () => {
            throw new Error('first')
          })
          app.use('/again', (_error: Error, _request: Request, _response: Response, _next: NextFunction) => {
            throw new Error('second')
          })
          // Four arguments tell an error handler from one that is none.
          app.use((_request: Request, _response: Response, next: NextFunction) => next())
          app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
            response.status(503).send(error.message)
          })
        },
        { path: '/handled', status: 503, name: 'GET /handled', error: 'first' },
        { path: '/inside', status: 409, name: 'GET /inside', error: 'inside' },
        { path: '/again', status: 503, name: 'GET /again', error: 'first' },
        { path: '/none', status: 404, name: 'GET not_found' },
      )
    })

    it('what is passed on and is no error, as the answer to it says', async () => {
      await check(
        (app) => {
          app.get('/body', (_request, _response, next) => next({ name: 'paper' }))
          app.get('/text', (_request, _response, next) => next('a text'))
          app.get('/error', (_request, _response, next) => next(new Error('mended')))
          app.get('/refused', (_request, response, next) => (response.status(503), next('refused')))
          app.use((body: unknown, _request: Request, response: Response, _next: NextFunction) => {
            response.send(String(body))
          })
        },
        { path: '/body', status: 200, name: 'GET /body' },
        { path: '/text', status: 200, name: 'GET /text' },
        { path: '/error', status: 200, name: 'GET /error', error: 'mended' },
        { path: '/refused', status: 503, name: 'GET /refused', error: 'refused' },
      )
    })

    if (five) {
      it('handlers that reject', async () => {
        await check(
          (app) => {
            app.get('/rejected', async () => {
              await setImmediate()
              throw new Error('rejected')
            })
            app.get('/nothing', async () => Promise.reject())
          },
          { path: '/rejected', status: 500, name: 'GET /rejected', error: 'rejected' },
          { path: '/nothing', status: 500, name: 'GET /nothing', error: 'Rejected promise' },
        )
      })
    }

    it('answers of Express’s own: OPTIONS, HEAD, a path that cannot be decoded, 304, redirects', async () => {
      await check(
        (app) => {
          app.get('/items/:id', send)
          app.post('/posted', send)
          app.get('/redirect', (_request, response) => response.redirect('/items/1'))
          app.get('/unchanged', (_request, response) => void response.status(304).end())
        },
        { path: '/items/1', method: 'OPTIONS', name: 'OPTIONS' },
        { path: '/items/1', method: 'HEAD', name: 'HEAD /items/:id' },
        { path: '/posted', method: 'HEAD', status: 404, name: 'HEAD not_found' },
        { path: '/items/%zz', status: 400, name: 'GET', error: "Failed to decode param '%zz'" },
        { path: '/redirect', status: 302, name: 'GET /redirect' },
        { path: '/unchanged', status: 304, name: 'GET /unchanged' },
      )
    })

    it('bodies are read in the request’s scope, by body parsers and by hand', async () => {
      const names: (string | undefined)[] = []
      const { url } = await start((app) => {
        const note = () => void names.push(test.tracing.tracer.currentSpan?.named)
        app.post('/json', express.json(), (request, response) => {
          note()
          response.send(request.body)
        })
        app.post('/raw', (request, response) => {
          let size = 0
          request.on('data', (chunk: Buffer) => (size += chunk.length))
          request.on('end', () => {
            note()
            response.on('finish', note).send(String(size))
          })
        })
      })
      const json: Call = { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } }
      assert.equal((await call(`${url}/json`, json)).body, '{"a":1}')
      assert.equal((await call(`${url}/raw`, { method: 'POST', body: 'x'.repeat(300_000) })).body, '300000')
      await test.take(2)
      assert.deepEqual(names, ['POST', 'POST', 'POST'])
    })

    it('a user scope set in a middleware survives to the handler', async () => {
      let inner: unknown
      let seen: unknown[] = []
      const { url } = await start((app) => {
        const { tracer, dataManager } = test.tracing
        app.use((_request, _response, next) => {
          tracer.trace('scope', (span) => {
            inner = span
            next()
          })
        })
        app.get('/', (request, response) => {
          seen = [dataManager.current]
          request.on('end', () => {
            seen.push(dataManager.current)
            response.end()
          })
          request.resume()
        })
      })
      await call(url)
      await test.take(2)
      assert.ok(inner)
      assert.deepEqual(seen, [inner, inner])
    })

    it('a client that leaves is told as aborted, with the route', async () => {
      let client: Socket
      const { port } = await start((app) => void app.get('/slow/:id', () => void client.destroy()))
      client = connect(port, '127.0.0.1')
      client.write('GET /slow/1 HTTP/1.1\r\nHost: a\r\n\r\n')
      const [span] = await test.take(1)
      assert.equal(span!.name, 'GET /slow/:id')
      assert.equal(span!.tags?.['error'], 'aborted')
      assert.equal(span!.tags['http.status_code'], undefined)
    })

    it('a client that leaves in the middle of a stream', async () => {
      const { port } = await start(
        (app) => void app.get('/stream', (_request, response) => void response.write('first')),
      )
      const socket = connect(port, '127.0.0.1')
      socket.write('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n')
      await once(socket, 'data')
      socket.destroy()
      const [span] = await test.take(1)
      assert.equal(span!.name, 'GET /stream')
      assert.equal(span!.tags?.['error'], 'aborted')
    })

    it('an application behind a listener of the service’s own', async () => {
      const { url } = await start(
        (app) => {
          const router = express.Router()
          router.get('/items/:item', send)
          app.use('/users/:user', router)
          app.get('/thrown', () => {
            throw new Error('thrown')
          })
        },
        {},
        (app) => (request, response) => app(request, response),
      )
      for (let i = 0; i < 2; i++) await call(`${url}/users/1/items/${i}`)
      await call(`${url}/thrown`)
      const spans = await test.take(3)
      // Where nothing was hooked before, the first one's mount was not seen.
      assert.match(spans[0]!.name!, /^GET( \/users\/:user\/items\/:item)?$/)
      assert.deepEqual(
        spans.slice(1).map(({ name, tags }) => [name, tags?.['error']]),
        [
          ['GET /users/:user/items/:item', undefined],
          ['GET /thrown', 'thrown'],
        ],
      )
    })

    it('faults leave the answer as it is', async () => {
      const failing = () => {
        throw new Error('fault')
      }
      const setUp = (app: Express): void => void app.get('/items/:id', send)
      const { url } = await start(setUp, { http: { server: { request: failing, response: failing } } })
      assert.equal((await call(`${url}/items/1`)).body, '/items/1')
      await test.take(1)
      assert.equal(test.tracing.faults['http rule'], 2)
      delete (test.tracing.faults as Partial<Record<string, number>>)['http rule']

      Object.assign(internals(test.tracing).propagation, { extract: failing })
      assert.equal((await call(`${url}/items/1`)).body, '/items/1')
      assert.ok(test.tracing.faults['http server'])
      delete (test.tracing.faults as Partial<Record<string, number>>)['http server']
    })

    it('a route that cannot be read leaves the answer as it is', async () => {
      const { url } = await start((app) => {
        app.get('/odd', send)
        const stack = (app as unknown as { _router?: Stack; router: Stack })[five ? 'router' : '_router']!
          .stack
        const { route } = stack.at(-1)!
        Object.defineProperty(route, 'path', {
          get() {
            throw new Error('fault')
          },
        })
      })
      assert.equal((await call(`${url}/odd`)).body, '/odd')
      const [span] = await test.take(1)
      assert.equal(span!.name, 'GET')
      assert.ok(test.tracing.faults['express'])
      delete (test.tracing.faults as Partial<Record<string, number>>)['express']
    })
  })
}

interface Stack {
  readonly stack: readonly { readonly route: object }[]
}

describe('the first requests of a process', () => {
  for (const library of ['express4', 'express']) {
    for (const way of WAYS) {
      for (const listener of ['app', '(request, response) => app(request, response)']) {
        it(`${library}, ${way}, to ${listener}`, async () => {
          const names = await firstNames(library, way, listener)
          const seen = listener === 'app' || way.endsWith('traceExpress')
          assert.deepEqual(names, [
            // Behind a listener of the service's own, an application is known by its first answer.
            seen ? 'GET /users/:user/items/:item' : 'GET',
            'GET /users/:user/items/:item',
            'GET /thrown thrown',
          ])
        })
      }
    }
  }
})

/** What the spans of a new process's first requests are named. */
async function firstNames(library: string, way: string, listener: string): Promise<unknown> {
  const script = `
    import http from 'node:http'
    import express from '${library}'
    import { express as instrumentation, traceExpress } from 'tdist/express'
    import { createTestTracing } from 'tdist/testing'
    import { nodeHttpServer } from 'tdist'
    const test = createTestTracing()
    if (${way.startsWith('dropped in')}) {
      nodeHttpServer.install(test.tracing)
      instrumentation.install(test.tracing)
    }
    const app = express().set('env', 'test')
    if (${way.endsWith('traceExpress')}) app.use(traceExpress(test.tracing))
    const router = express.Router()
    router.get('/items/:item', (request, response) => response.end())
    app.use('/users/:user', router)
    app.get('/thrown', () => { throw new Error('thrown') })
    const server = http.createServer(${listener})
    server.listen(0, '127.0.0.1', async () => {
      for (const path of ['/users/1/items/1', '/users/1/items/2', '/thrown']) {
        await new Promise((resolve) =>
          http.get({ port: server.address().port, path, agent: false }, (response) => response.resume().on('end', resolve)))
      }
      const spans = await test.take(3)
      console.log(JSON.stringify(spans.map(({ name, tags }) => [name, tags.error].filter(Boolean).join(' '))))
      server.close()
    })
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: new URL('../../../../', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(await text(child.stdout))
}

describe('traceExpress', () => {
  it('with tracing off passes every request on, in no scope, and nothing is hooked', async () => {
    const test = createTestTracing({ enabled: false })
    const middleware = traceExpress(test.tracing)
    assert.equal(middleware.length, 3)
    let passed = 0
    void middleware({} as Request, {} as Response, () => passed++)
    assert.equal(passed, 1)
    instrumentation.install(test.tracing)()
    assert.deepEqual(test.tracing.faults, {})
  })

  it('outside any application traces without routes', async () => {
    const test = createTestTracing()
    const middleware = traceExpress(test.tracing)
    const server = await listen(
      http.createServer((request, response) => {
        void middleware(request as Request, response as Response, () => response.end('fine'))
      }),
    )
    assert.equal((await call(`${server.url}/x`)).body, 'fine')
    const [span] = await test.take(1)
    assert.equal(span!.name, 'GET')
    await server.close()
    test.assertClean()
  })

  it('mounted late, still knows where', async () => {
    const test = createTestTracing()
    const app = express5()
    const router = express5.Router()
    router.use(traceExpress(test.tracing))
    router.get('/x', (_request, response) => void response.end())
    app.use('/late/:id', router)
    const server = await listen(http.createServer(app))
    await call(`${server.url}/late/1/x`)
    const [span] = await test.take(1)
    assert.equal(span!.name, 'GET /late/:id/x')
    assert.equal(span!.tags?.['http.path'], '/late/1/x')
    await server.close()
    test.assertClean()
  })
})
