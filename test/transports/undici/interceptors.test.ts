import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import * as v7 from 'undici'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { traceUndici, undici } from 'tdist/undici'
import { answeringServer, type Answer, type AnsweringServer } from '../../support/answering-server.js'
import { internals } from '../../support/internals.ts'

type Undici = typeof v7
type Compose = v7.Dispatcher.DispatcherComposeInterceptor

const require = createRequire(import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
const versions: Record<string, Undici> = {
  undici6: require('undici6') as Undici,
  undici7: v7,
  ...((major > 22 || (major === 22 && minor >= 19)) && { undici8: require('undici8') as Undici }),
}

/** What the span is to say: its status, unless that is 2xx, and a part of its error. */
type Expected = [status: string | undefined, error: RegExp | undefined]

/**
 * An interceptor of the host's own, for either form of handler: by an object that inherits from undici 6's handler, which
 * works there, and by one that hands on to that of later versions.
 */
function through(change: (handler: Record<string, (...args: unknown[]) => unknown>) => object): Compose {
  return (dispatch) => (options, handler) => {
    const own = handler as unknown as Record<string, (...args: unknown[]) => unknown>
    const base = own['onRequestStart'] === undefined ? (Object.create(own) as object) : handingOn(own)
    return dispatch(options, Object.assign(base, change(own)) as never)
  }
}

function handingOn(handler: Record<string, (...args: unknown[]) => unknown>): object {
  const names = ['Start', 'Upgrade'].map((end) => `onRequest${end}`)
  for (const end of ['Start', 'Data', 'End', 'Error']) names.push(`onResponse${end}`)
  return Object.fromEntries(names.map((name) => [name, (...args: unknown[]) => handler[name]!(...args)]))
}

/** Makes an error without a status of any answer that is not 2xx. */
const ownError = through((handler) => {
  let failed = false
  return {
    onResponseStart(...args: unknown[]) {
      failed = Number(args[1]) > 299
      return failed ? undefined : handler['onResponseStart']!(...args)
    },
    onResponseData: (...args: unknown[]) => (failed ? undefined : handler['onResponseData']!(...args)),
    onResponseEnd: (...args: unknown[]) =>
      failed
        ? handler['onResponseError']!(args[0], new Error('not mine'))
        : handler['onResponseEnd']!(...args),
    onHeaders(...args: unknown[]) {
      failed = Number(args[0]) > 299
      return failed ? true : handler['onHeaders']!(...args)
    },
    onData: (...args: unknown[]) => (failed ? true : handler['onData']!(...args)),
    onComplete: (...args: unknown[]) =>
      failed ? handler['onError']!(new Error('not mine')) : handler['onComplete']!(...args),
  }
})

/** Answers in the place of a failure. */
const instead = through((handler) => ({
  onResponseError(controller: unknown) {
    handler['onResponseStart']!(controller, 200, {}, 'OK')
    handler['onResponseEnd']!(controller, {})
  },
  onError() {
    handler['onHeaders']!(200, [], () => {}, 'OK')
    handler['onComplete']!([])
  },
}))

const retry = { minTimeout: 1, maxRetries: 1, statusCodes: [503] }

const cases: Record<
  string,
  { between: (lib: Undici) => Compose; answers: Answer[]; expected: Expected; since?: number; more?: object }
> = {
  'an error made of a response': {
    between: (lib) => lib.interceptors.responseError(),
    answers: [{ status: 503 }],
    expected: ['503', /Response Error/],
    since: 7,
  },
  'an error of the host’s own, made of a response': {
    between: () => ownError,
    answers: [{ status: 418 }],
    expected: ['418', /not mine/],
  },
  'a response made of an error': {
    between: () => instead,
    answers: [{ disconnect: true }],
    expected: [undefined, undefined],
  },
  'the last of several attempts': {
    between: (lib) => lib.interceptors.retry(retry),
    answers: [{ status: 503 }, { status: 503 }],
    expected: ['503', /./],
  },
  'the last of several attempts, which broke off': {
    between: (lib) => lib.interceptors.retry({ ...retry, errorCodes: [] }),
    answers: [{ status: 503 }, { disconnect: true }],
    expected: [undefined, /other side closed|terminated|ECONNRESET/],
  },
  'the first attempt that succeeds': {
    between: (lib) => lib.interceptors.retry(retry),
    answers: [{ status: 503 }, { status: 200 }],
    expected: [undefined, undefined],
  },
  'a redirect too many': {
    between: (lib) => lib.interceptors.redirect({ maxRedirections: 1, throwOnMaxRedirects: true } as never),
    answers: [
      { status: 302, headers: { location: '/a' } },
      { status: 302, headers: { location: '/b' } },
    ],
    expected: ['302', /max redirects/],
    more: { throwOnMaxRedirect: true },
  },
  'an answer too long to dump': {
    between: (lib) => lib.interceptors.dump({ maxSize: 1 }),
    answers: [{ body: 'long', headers: { 'content-length': '4' } }],
    expected: [undefined, /larger than maxSize/],
  },
  'a name looked up': {
    between: (lib) => lib.interceptors.dns(),
    answers: [{ status: 204 }],
    expected: [undefined, undefined],
  },
}

describe('a traced dispatcher over interceptors', () => {
  let server: AnsweringServer
  let test: TestTracing
  let undo: (() => unknown)[] = []

  before(async () => {
    server = await answeringServer()
  })
  beforeEach(() => (test = createTestTracing()))
  afterEach(async () => {
    for (const end of undo.splice(0)) await end()
    server.requests.length = 0
    test.assertClean()
  })
  after(() => server.close())

  const outcome = async (call: Promise<v7.Dispatcher.ResponseData>): Promise<unknown> => {
    try {
      const { statusCode, body } = await call
      return [statusCode, await body.text()]
    } catch (error) {
      const { name, message, code } = error as NodeJS.ErrnoException
      return { name, message, code }
    }
  }

  for (const [version, lib] of Object.entries(versions)) {
    for (const both of [false, true]) {
      for (const [what, { between, answers, expected, since = 6, more }] of Object.entries(cases)) {
        if (Number(version.slice(6)) < since) continue
        it(`${version}${both ? ', and the drop-in' : ''}: one span tells of ${what}`, async () => {
          const [status, error] = expected
          if (both) undo.push(undici.install(test.tracing))
          const results: unknown[] = []
          for (const trace of [false, true]) {
            const agent = new lib.Agent()
            undo.push(() => agent.destroy())
            for (const answer of answers) server.enqueue(answer)
            const composed = agent.compose(between(lib))
            const dispatcher = trace ? traceUndici(test.tracing, composed) : composed
            const make = () =>
              outcome(dispatcher.request({ origin: server.origin, path: '/', method: 'GET', ...more }))
            results.push(trace ? await make() : await internals(test.tracing).dataManager.untraced(make))
          }
          assert.deepEqual(results[1], results[0])
          const [span] = await test.take(1)
          assert.equal(span!.tags!['http.status_code'], what === 'a name looked up' ? undefined : status)
          if (error) assert.match(span!.tags!['error']!, error)
          else assert.equal(span!.tags!['error'], undefined)
        })
      }
    }

    it(`${version}: a mock's answers, errors and aborted answers are spans too`, async () => {
      const mock = new lib.MockAgent()
      undo.push(() => mock.close())
      mock.disableNetConnect()
      const pool = mock.get('http://mocked')
      const traced = traceUndici(test.tracing, mock)
      const ask = () => outcome(traced.request({ origin: 'http://mocked', path: '/', method: 'GET' }))
      pool.intercept({ path: '/' }).reply(503, 'busy')
      assert.deepEqual(await ask(), [503, 'busy'])
      assert.equal((await test.take(1))[0]!.tags!['http.status_code'], '503')
      pool.intercept({ path: '/' }).replyWithError(new Error('made up'))
      await ask()
      assert.match((await test.take(1))[0]!.tags!['error']!, /made up/)
    })
  }

  it('an answer out of a cache is a span; of what is revalidated each is', async () => {
    const agent = new v7.Agent()
    undo.push(() => agent.destroy())
    const traced = traceUndici(test.tracing, agent.compose(v7.interceptors.cache()))
    const ask = () => outcome(traced.request({ origin: server.origin, path: '/', method: 'GET' }))
    server.enqueue({ body: 'once', headers: { 'cache-control': 'max-age=100' } })
    assert.deepEqual(
      [await ask(), await ask()],
      [
        [200, 'once'],
        [200, 'once'],
      ],
    )
    assert.equal(server.requests.length, 1)
    for (const { tags } of await test.take(2)) assert.equal(tags!['error'], undefined)
  })

  it('undici 6: an answer that the caller wants as an error keeps its status', async () => {
    const lib = versions['undici6']!
    const agent = new lib.Agent()
    undo.push(() => agent.destroy())
    server.enqueue({ status: 503, body: 'busy' })
    const options = { origin: server.origin, path: '/', method: 'GET' as const, throwOnError: true }
    const result = (await outcome(traceUndici(test.tracing, agent).request(options))) as Error
    assert.equal(result.name, 'ResponseStatusCodeError')
    assert.equal((await test.take(1))[0]!.tags!['http.status_code'], '503')
  })
})
