import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { Span, Tracing, TracingOptions, ZipkinSpan } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { call, type Answer, type Call } from '../support/http-call.ts'

/**
 * A traced server that answers, whatever it is made of: `/foo`, OPTIONS `/`, `/badrequest` (400), `/baggage` (the
 * field user-id), `/child` (in a local span `child`), `/async` (from a timer), `/exception` and `/exceptionAsync` (an
 * uncaught error `not ready`, answered with 503), `/forward` and `/forwardAsync` (handed on to `/foo`),
 * `/exceptionAsyncTimeout` (`Timed out after 1ms`, 504), `/exceptionAsyncDispatch` (handed on to `/exception`),
 * and 404 to the rest. One with routes also answers `/items/:id`, `/nested/items/:id` and `/async_items/:id` with
 * the id. Before all of them `filter` is called, with the request, in the request's scope.
 */
export interface Server {
  /** Without a slash at the end. */
  readonly url: string
  close(): Promise<void>
}

export type Filter = (request: object) => void

export interface ServerOptions {
  /** Whether it knows routes. */
  readonly routes: boolean
}

/** What openzipkin/brave asks of every HTTP server: ITHttpServer by name, and of ITServlet what has a meaning here. */
export function httpServerSuite(
  name: string,
  makeServer: (tracing: Tracing, filter: Filter) => Promise<Server>,
  options: ServerOptions,
): void {
  describe(`${name}, as Brave asks`, () => {
    let test: TestTracing
    let server: Server | undefined
    let filter: Filter | undefined

    async function start(settings: Partial<TracingOptions> = {}): Promise<void> {
      test = createTestTracing({ baggage: ['user-id'], ...settings })
      server = await makeServer(test.tracing, (request) => filter?.(request))
    }

    afterEach(async () => {
      await server?.close()
      server = undefined
      filter = undefined
      test.assertClean()
    })

    const get = (path: string, headers: Call['headers'] = {}): Promise<Answer> =>
      call(server!.url + path, { headers })

    async function took(): Promise<ZipkinSpan> {
      const [span] = await test.take(1)
      assert.equal(span!.kind, 'SERVER')
      return span!
    }

    /** The span of a GET of `path`, made with no settings of its own. */
    async function spanOf(path: string, headers: Call['headers'] = {}): Promise<ZipkinSpan> {
      await start()
      await get(path, headers)
      return took()
    }

    const parent = { traceId: '463ac35c9f6413ad48485a3953bb6124', id: 'a2fb4a1d1a96d312' }
    const b3 = `${parent.traceId}-${parent.id}-1`

    it('reusesPropagatedSpanId', async () => {
      const span = await spanOf('/foo', { b3 })
      assert.equal(span.traceId, parent.traceId)
      assert.equal(span.id, parent.id)
      assert.equal(span.shared, true)
    })

    it('createsChildWhenJoinDisabled', async () => {
      await start({ supportsJoin: false, sampler: { isSampled: () => false } })
      await get('/foo', { b3 })
      const span = await took()
      assert.equal(span.traceId, parent.traceId)
      assert.equal(span.parentId, parent.id)
      assert.notEqual(span.id, parent.id)
      assert.equal(span.shared, undefined)
    })

    async function readsBaggage(headers: Record<string, string>): Promise<void> {
      await start()
      const { status, body } = await get('/baggage', { 'user-id': 'joey', ...headers })
      assert.equal(status, 200)
      assert.equal(body, 'joey')
    }

    it('readsBaggage_newTrace', async () => {
      await readsBaggage({})
      await took()
    })

    it('readsBaggage_unsampled', () => readsBaggage({ 'X-B3-Sampled': '0' }))

    it('readsBaggage_existingTrace', async () => {
      const id = '463ac35c9f6413ad'
      await readsBaggage({ 'X-B3-TraceId': id, 'X-B3-SpanId': id })
      const span = await took()
      assert.equal(span.traceId, id)
      assert.equal(span.id, id)
    })

    it('samplingDisabled', async () => {
      await start({ sampler: { isSampled: () => false } })
      assert.equal((await get('/foo')).status, 200)
    })

    it('customSampler', async () => {
      const sampler = ({ path }: { path: string }) => (path.startsWith('/foo') ? false : undefined)
      await start({ http: { server: { sampler } } })
      assert.equal((await get('/foo')).status, 200)
    })

    it('async', async () => {
      const span = await spanOf('/async')
      assert.equal(span.tags?.['error'], undefined)
    })

    it('createsChildSpan', async () => {
      await start()
      await get('/child')
      const [child, span] = await test.take(2)
      assert.equal(child!.name, 'child')
      assert.equal(child!.kind, undefined)
      assert.equal(child!.traceId, span!.traceId)
      assert.equal(child!.parentId, span!.id)
    })

    it('childCompletesBeforeServer', async () => {
      await start()
      await get('/child')
      const [child, span] = await test.take(2)
      assert.equal(child!.name, 'child')
      assert.ok(child!.timestamp! >= span!.timestamp!)
      assert.ok(child!.timestamp! + child!.duration! <= span!.timestamp! + span!.duration!)
    })

    it('reportsClientAddress', async () => {
      const { remoteEndpoint } = await spanOf('/foo')
      assert.equal(remoteEndpoint?.ipv4, '127.0.0.1')
      assert.ok(remoteEndpoint.port! > 0)
    })

    it('reportsClientAddress_XForwardedFor', async () => {
      const { remoteEndpoint } = await spanOf('/foo', { 'X-Forwarded-For': '1.2.3.4' })
      assert.equal(remoteEndpoint?.ipv4, '1.2.3.4')
    })

    it('reportsServerKindToZipkin', async () => {
      assert.equal((await spanOf('/foo')).kind, 'SERVER')
    })

    it('defaultSpanNameIsMethodNameOrRoute', async () => {
      assert.equal((await spanOf('/foo')).name, options.routes ? 'GET /foo' : 'GET')
    })

    it('readsRequestAtResponseTime', async () => {
      await start({
        http: { server: { response: ({ request }, span) => void span.tag('http.url', request.url) } },
      })
      await get('/foo?z=2&yAA=1')
      assert.equal((await took()).tags?.['http.url'], '/foo?z=2&yAA=1')
    })

    it('supportsPortableCustomization', async () => {
      await start({
        http: {
          server: {
            request: (request, span) =>
              void span
                .name(`${request.method.toLowerCase()} ${request.path}`)
                .tag('http.url', request.url)
                .tag('host', request.header('Host') ?? ''),
            response: ({ status, route }, span) =>
              void span.tag('response', `${status} ${route ?? 'no route'}`),
          },
        },
      })
      await get('/foo?z=2&yAA=1')
      const { name: given, tags } = await took()
      assert.equal(given, 'get /foo')
      assert.equal(tags?.['http.url'], '/foo?z=2&yAA=1')
      assert.equal(tags['host'], new URL(server!.url).host)
      assert.equal(tags['response'], options.routes ? '200 /foo' : '200 no route')
    })

    async function namesByRoute(prefix: string): Promise<void> {
      await start({
        http: { server: { request: (request, span) => void span.tag('http.url', request.url) } },
      })
      const answers = [await get(`${prefix}/1?foo`), await get(`${prefix}/2?bar`)]
      assert.deepEqual(
        answers.map(({ status, body }) => ({ status, body })),
        [
          { status: 200, body: '1' },
          { status: 200, body: '2' },
        ],
      )
      for (const [i, span] of (await test.take(2)).entries()) {
        assert.equal(span.name, `GET ${prefix}/:id`)
        assert.equal(span.tags?.['http.method'], 'GET')
        assert.equal(span.tags['http.path'], `${prefix}/${i + 1}`)
        assert.equal(span.tags['http.route'], `${prefix}/:id`)
        assert.equal(span.tags['http.url'], `${prefix}/${i === 0 ? '1?foo' : '2?bar'}`)
      }
    }

    if (options.routes) {
      it('httpRoute', () => namesByRoute('/items'))
      it('httpRoute_nested', () => namesByRoute('/nested/items'))
      it('httpRoute_async', () => namesByRoute('/async_items'))
    }

    it('notFound', async () => {
      await start()
      assert.equal((await get('/foo/bark')).status, 404)
      const span = await took()
      assert.equal(span.name, options.routes ? 'GET not_found' : 'GET')
      assert.deepEqual(
        { ...span.tags },
        { 'http.method': 'GET', 'http.path': '/foo/bark', 'http.status_code': '404', error: '404' },
      )
    })

    it('options', async () => {
      await start()
      assert.equal((await call(`${server!.url}/`, { method: 'OPTIONS' })).status, 200)
      const span = await took()
      assert.equal(span.tags?.['http.method'], 'OPTIONS')
      assert.equal(span.tags['http.path'], '/')
      assert.equal(span.name, options.routes ? 'OPTIONS /' : 'OPTIONS')
    })

    it('addsStatusCode_badRequest', async () => {
      const { tags } = await spanOf('/badrequest')
      assert.equal(tags?.['http.status_code'], '400')
      assert.equal(tags['error'], '400')
    })

    it('httpPathTagExcludesQueryParams', async () => {
      assert.equal((await spanOf('/foo?z=2&yAA=1')).tags?.['http.path'], '/foo')
    })

    for (const [suffix, path] of [
      ['', '/exception'],
      ['_async', '/exceptionAsync'],
    ] as const) {
      it(`httpStatusCodeTagMatchesResponse_onUncaughtException${suffix}`, async () => {
        await start()
        const { status } = await get(path)
        const { tags } = await took()
        assert.equal(tags?.['http.status_code'], String(status))
        assert.ok(tags['error'])
      })

      it(`httpStatusCodeSettable_onUncaughtException${suffix}`, async () => {
        await start()
        assert.equal((await get(path)).status, 503)
        assert.equal((await took()).tags?.['http.status_code'], '503')
      })

      it(`setsErrorAndHttpStatusOnUncaughtException${suffix}`, async () => {
        const { tags } = await spanOf(path)
        assert.equal(tags?.['error'], 'not ready')
        assert.equal(tags['http.status_code'], '503')
      })

      it(`spanHandlerSeesError${suffix}`, async () => {
        const errors: unknown[] = []
        await start({ spanHandler: { end: (_data, error) => void errors.push(error) } })
        await get(path)
        await took()
        assert.equal(errors.length, 1)
        assert.ok(errors[0] instanceof Error)
        assert.equal(errors[0].message, 'not ready')
      })
    }

    it('currentSpanVisibleToOtherFilters', async () => {
      let field: string | undefined
      filter = () => (field = test.tracing.tracer.currentSpan?.baggage('user-id'))
      await spanOf('/foo', { 'user-id': 'abcdefg' })
      assert.equal(field, 'abcdefg')
    })

    const spanOn = (request: object): Span =>
      (request as { [key: symbol]: { span: Span } })[Symbol.for('tdist.httpCall')]!.span

    it('traceContextVisibleToOtherFilters', async () => {
      let traceId: string | undefined
      filter = (request) => (traceId = spanOn(request).context.traceId)
      assert.equal((await spanOf('/foo')).traceId, traceId)
    })

    it('canSetCustomRoute', async () => {
      filter = () => void test.tracing.tracer.currentSpan?.tag('http.route', '/custom')
      const span = await spanOf('/foo')
      assert.equal(span.name, 'GET /custom')
      assert.equal(span.tags?.['http.route'], '/custom')
    })

    it('canUseSpanAttribute', async () => {
      filter = (request) => void spanOn(request).tag('foo', 'bar')
      assert.equal((await spanOf('/foo')).tags?.['foo'], 'bar')
    })

    it('forward', async () => {
      assert.equal((await spanOf('/forward')).tags?.['http.path'], '/forward')
    })

    it('forwardAsync', async () => {
      assert.equal((await spanOf('/forwardAsync')).tags?.['http.path'], '/forwardAsync')
    })

    it('errorTag_onException_asyncTimeout', async () => {
      const { tags } = await spanOf('/exceptionAsyncTimeout')
      assert.equal(tags?.['error'], 'Timed out after 1ms')
      assert.equal(tags['http.status_code'], '504')
    })

    it('errorTag_onException_asyncDispatch', async () => {
      const { tags } = await spanOf('/exceptionAsyncDispatch')
      assert.equal(tags?.['error'], 'not ready')
      assert.equal(tags['http.status_code'], '503')
    })
  })
}
