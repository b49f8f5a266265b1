import assert from 'node:assert/strict'
import http, { type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import type { Express, RequestHandler } from 'express'
import { nodeHttpServer } from 'tdist'
import { express as instrumentation, traceExpress } from 'tdist/express'
import { createTestTracing } from 'tdist/testing'
import { listen, type ExpressModule } from '../../support/express-server.ts'
import { call } from '../../support/http-call.ts'

const require = createRequire(import.meta.url)
const AT_ONCE = 3

/** A copy of Express that nobody has met. */
function newCopy(library: string): ExpressModule {
  for (const file of Object.keys(require.cache)) {
    if (/node_modules\/(express4?|router)\//.test(file)) delete require.cache[file]
  }
  return require(library) as ExpressModule
}

/** Holds requests until all are there, and then lets one go when the one before is answered. */
class Gate {
  readonly #waiting: (() => void)[] = []
  readonly hold: RequestHandler = (_request, response, next) => {
    response.once('close', () => this.#waiting.shift()?.())
    if (this.#waiting.push(next) === AT_ONCE) this.#waiting.shift()!()
  }
}

type SetUp = (app: Express, hold: RequestHandler, library: string) => void

const answer: RequestHandler = (_request, response) => void response.end()

const cases: Record<string, { setUp: SetUp; name: string; byHand?: false }> = {
  'in middleware': {
    setUp: (app, hold) => app.use(hold).get('/papers/:id', answer),
    name: 'GET /papers/:id',
  },
  'in the handler that answers': {
    setUp: (app, hold) =>
      app.get('/papers/:id', (request, response) => hold(request, response, () => response.end())),
    name: 'GET /papers/:id',
  },
  'in the first handler of a route': {
    setUp: (app, hold) => app.get('/papers/:id', hold, answer),
    name: 'GET /papers/:id',
  },
  'in an application inside the application': {
    setUp: (app, hold, library) => {
      const inner = (require(library) as ExpressModule)()
      app.use(inner.get('/papers/:id', hold, answer) as unknown as RequestHandler)
    },
    name: 'GET /papers/:id',
  },
  'in an application of another copy, inside': {
    setUp: (app, hold, library) => {
      app.use(newCopy(library)().get('/papers/:id', hold, answer) as unknown as RequestHandler)
    },
    name: 'GET /papers/:id',
    // Its applications are those that have the middleware.
    byHand: false,
  },
}

async function namesOf(library: string, setUp: SetUp, byHand: boolean): Promise<string[]> {
  const test = createTestTracing()
  const undo = byHand ? [] : [nodeHttpServer.install(test.tracing), instrumentation.install(test.tracing)]
  const app = newCopy(library)()
  if (byHand) app.use(traceExpress(test.tracing))
  setUp(app, new Gate().hold, library)
  const listener = app as unknown as RequestListener
  const server = await listen(http.createServer((request, response) => listener(request, response)))
  await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => call(`${server.url}/papers/${i}`)))
  const spans = await test.take(AT_ONCE)
  await server.close()
  for (const uninstall of undo.reverse()) uninstall()
  test.assertClean()
  return spans.map(({ name }) => name!)
}

for (const library of ['express4', 'express']) {
  describe(`requests that are under way in ${library} when it becomes known have their routes`, () => {
    for (const [where, { setUp, name, byHand = true }] of Object.entries(cases)) {
      it(`dropped in, ${where}`, async () => {
        assert.deepEqual(await namesOf(library, setUp, false), Array(AT_ONCE).fill(name))
      })
      if (!byHand) continue
      it(`by hand, ${where}`, async () => {
        assert.deepEqual(await namesOf(library, setUp, true), Array(AT_ONCE).fill(name))
      })
    }

    it('a route that passed the request on is not its name', async () => {
      const names = await namesOf(
        library,
        (app, hold) => app.get('/papers/:id', hold, (_request, _response, next) => next()).use(answer),
        false,
      )
      assert.deepEqual(names.slice(1), ['GET', 'GET'])
    })
  })
}
