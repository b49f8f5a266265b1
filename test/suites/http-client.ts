import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Span, Tracing, TracingOptions, ZipkinSpan } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { answeringServer, type AnsweringServer, type Recorded } from '../support/answering-server.js'
import { internals } from '../support/internals.ts'

/** A traced client as the suite drives it. */
export interface TracedClient {
  /** Makes a call, reads its body, follows redirects; rejects only when there was no answer. */
  send(url: string, init?: { method?: string; body?: string }): Promise<number>
  /** The same by the library's callback, where it has one. */
  sendBack?(url: string, callback: (status: number | undefined) => void): void
  close(): Promise<void> | void
}

/** One way to trace one library. */
export interface ClientUnderTest {
  readonly name: string
  readonly tls?: boolean
  /** Makes a client for this server; `bounded` to one connection where the library can be. */
  create(tracing: Tracing, origin: string, bounded: boolean): TracedClient
  /** Cases that do not hold for it, and why. */
  readonly skip?: Readonly<Record<string, string>>
}

/** Brave's ITHttpClient and ITHttpAsyncClient, by its case names. */
export function httpClientSuite(subject: ClientUnderTest): void {
  describe(`${subject.name}: ITHttpClient`, () => {
    let server: AnsweringServer
    let test: TestTracing
    let client: TracedClient

    const start = (options: Partial<TracingOptions> = {}, bounded = false) => {
      test = createTestTracing(options)
      client = subject.create(test.tracing, server.origin, bounded)
    }
    const restart = async (options: Partial<TracingOptions>, bounded = false) => {
      await client.close()
      start(options, bounded)
    }
    const get = (path: string) => client.send(server.origin + path)
    const within = <T>(span: Span | undefined, fn: () => T): T => test.tracing.dataManager.run(span, fn)
    const newParent = (sampled = true) =>
      internals(test.tracing).tracer.newTrace(undefined, sampled).name('parent')
    const lastRequest = (): Recorded => server.requests.shift()!
    const takeOne = async (): Promise<ZipkinSpan> => {
      const [span] = await test.take(1)
      assert.equal(span!.kind, 'CLIENT')
      return span!
    }
    const finish = async (parent: Span) => {
      parent.finish()
      await test.take(1)
    }
    const bravesCase = (name: string, fn: () => Promise<void>) => {
      const skip = subject.skip?.[name]
      it(name, skip === undefined ? {} : { skip }, fn)
    }

    before(async () => {
      server = await answeringServer({ tls: subject.tls ?? false })
    })
    beforeEach(() => start())
    afterEach(async () => {
      await client.close()
      server.requests.length = 0
      test.assertClean()
    })
    after(() => server.close())

    bravesCase('propagatesNewTrace', async () => {
      await get('/foo')
      const { context } = lastRequest()
      assert.equal(context.sampled, true)
      assert.equal(context.parentId, undefined)
      assertSameIds(await takeOne(), context)
    })

    bravesCase('propagatesChildOfCurrentSpan', async () => {
      const parent = newParent()
      await within(parent, () => get('/foo'))
      const { context } = lastRequest()
      assert.equal(context.sampled, true)
      assert.equal(context.traceId, parent.context.traceId)
      assert.equal(context.parentId, parent.context.spanId)
      assertSameIds(await takeOne(), context)
      await finish(parent)
    })

    bravesCase('propagatesUnsampledContext', async () => {
      const parent = newParent(false)
      await within(parent, () => get('/foo'))
      const { context } = lastRequest()
      assert.equal(context.sampled, false)
      assert.equal(context.traceId, parent.context.traceId)
      assert.notEqual(context.spanId, parent.context.spanId)
    })

    for (const sampled of [true, false]) {
      bravesCase(sampled ? 'propagatesBaggage' : 'propagatesBaggage_unsampled', async () => {
        await restart({ baggage: ['user-id'] })
        const extra = { baggage: { 'user-id': 'joey' } }
        const parent = internals(test.tracing).tracer.newTrace(undefined, sampled, false, extra)
        await within(parent, () => get('/foo'))
        assert.equal(lastRequest().headers['user-id'], 'joey')
        if (sampled) await takeOne()
        parent.finish()
        if (sampled) await test.take(1)
      })
    }

    bravesCase('customSampler', async () => {
      await restart({
        http: { client: { sampler: ({ path }) => (path.startsWith('/foo') ? false : undefined) } },
      })
      await get('/foo')
      assert.equal(lastRequest().context.sampled, false)
    })

    bravesCase('clientTimestampAndDurationEnclosedByParent', async () => {
      const parent = newParent()
      await within(parent, () => get('/foo'))
      const span = await takeOne()
      parent.finish()
      const [enclosing] = await test.take(1)
      assert.equal(span.parentId, enclosing!.id)
      assert.ok(span.timestamp! >= enclosing!.timestamp!)
      assert.ok(span.timestamp! + span.duration! <= enclosing!.timestamp! + enclosing!.duration!)
    })

    bravesCase('reportsClientKindToZipkin', async () => {
      await get('/foo')
      await takeOne()
    })

    bravesCase('reportsServerAddress', async () => {
      await get('/foo')
      assert.deepEqual((await takeOne()).remoteEndpoint, { ipv4: '127.0.0.1', port: server.port })
    })

    bravesCase('defaultSpanNameIsMethodName', async () => {
      await get('/foo')
      assert.equal((await takeOne()).name, 'GET')
    })

    bravesCase('readsRequestAtResponseTime', async () => {
      await restart({
        http: { client: { response: ({ request }, span) => void span.tag('http.url', request.url) } },
      })
      await get('/foo/bar?z=2&yAA=1')
      assert.equal((await takeOne()).tags!['http.url'], `${server.origin}/foo/bar?z=2&yAA=1`)
    })

    bravesCase('supportsPortableCustomization', async () => {
      await restart({
        http: {
          client: {
            request(request, span) {
              span.name(`${request.method.toLowerCase()} ${request.path}`)
              span.tag('http.url', request.url)
              span.tag('request_customizer', request.header('Host') !== 'other')
              span.remote({ serviceName: 'remote-service' })
            },
            response: ({ status }, span) => void span.tag('response_customizer', status ?? 'none'),
          },
        },
      })
      await get('/foo/bar?z=2&yAA=1')
      const span = await takeOne()
      assert.equal(span.name, 'get /foo/bar')
      assert.deepEqual(span.remoteEndpoint, {
        serviceName: 'remote-service',
        ipv4: '127.0.0.1',
        port: server.port,
      })
      assert.equal(span.tags!['http.url'], `${server.origin}/foo/bar?z=2&yAA=1`)
      assert.equal(span.tags!['request_customizer'], 'true')
      assert.equal(span.tags!['response_customizer'], '200')
    })

    bravesCase('addsStatusCodeWhenNotOk', async () => {
      server.enqueue({ status: 400 })
      await get('/foo')
      const { tags } = await takeOne()
      assert.equal(tags!['http.status_code'], '400')
      assert.equal(tags!['error'], '400')
    })

    bravesCase('redirect', async () => {
      server.enqueue({ status: 302, headers: { location: `${server.origin}/bar` } })
      server.enqueue({ status: 404 })
      const parent = newParent()
      await within(parent, () => get('/foo'))
      const [initial, redirected] = await test.take(2)
      for (const span of [initial!, redirected!]) {
        assert.equal(span.kind, 'CLIENT')
        // A client knows no routes, so neither `redirected` nor `not_found` is a name of its.
        assert.equal(span.name, 'GET')
        assert.equal(span.parentId, parent.context.spanId)
      }
      assert.ok(initial!.timestamp! + initial!.duration! <= redirected!.timestamp!, 'one after the other')
      assert.equal(initial!.tags!['http.path'], '/foo')
      assert.equal(initial!.tags!['http.status_code'], '302')
      assert.equal(redirected!.tags!['http.path'], '/bar')
      assert.equal(redirected!.tags!['error'], '404')
      assertSameIds(initial!, lastRequest().context)
      assertSameIds(redirected!, lastRequest().context)
      await finish(parent)
    })

    bravesCase('emptyPath', async () => {
      await get('')
      assert.equal(lastRequest().path, '/')
      assert.equal((await takeOne()).tags!['http.path'], '/')
    })

    bravesCase('options', async () => {
      server.enqueue({ status: 204 })
      await client.send(server.origin, { method: 'OPTIONS' })
      assert.equal(lastRequest().method, 'OPTIONS')
      const { tags } = await takeOne()
      assert.equal(tags!['http.method'], 'OPTIONS')
      assert.equal(tags!['http.path'], '/')
    })

    bravesCase('post', async () => {
      await client.send(`${server.origin}/post`, { method: 'POST', body: 'body' })
      assert.equal(lastRequest().body, 'body')
      assert.equal((await takeOne()).name, 'POST')
    })

    bravesCase('httpPathTagExcludesQueryParams', async () => {
      await get('/foo?z=2&yAA=1')
      assert.equal(lastRequest().path, '/foo?z=2&yAA=1')
      assert.equal((await takeOne()).tags!['http.path'], '/foo')
    })

    bravesCase('spanHandlerSeesError', async () => {
      const errors: unknown[] = []
      await restart({ spanHandler: { end: (_data, error) => void errors.push(error) } })
      server.enqueue({ disconnect: true })
      await assert.rejects(get('/foo'))
      await takeOne()
      assert.equal(errors.length, 1)
      assert.ok(errors[0] instanceof Error)
    })

    bravesCase('setsError_onTransportException', async () => {
      server.enqueue({ disconnect: true })
      await assert.rejects(get('/foo'))
      const { tags } = await takeOne()
      assert.ok(tags!['error'])
      assert.equal(tags!['http.status_code'], undefined)
    })

    describe('ITHttpAsyncClient', () => {
      const sendBack = (path: string, callback: (status: number | undefined) => void) => {
        if (client.sendBack) client.sendBack(server.origin + path, callback)
        else void get(path).then(callback)
      }
      const called = (span: Span | undefined, path: string) =>
        new Promise<Span | undefined>((resolve) => {
          within(span, () => sendBack(path, () => resolve(test.tracing.dataManager.current)))
        })

      bravesCase('usesParentFromInvocationTime', async () => {
        await restart({}, true)
        const { promise, resolve } = deferred()
        server.enqueue({ after: promise, body: 'one' })
        const parents = [newParent(), newParent(), newParent()]
        const calls = parents.map((parent, i) => within(parent, () => get(`/items/${i}`)))
        resolve()
        await within(undefined, () => Promise.all(calls))
        const spans = await test.take(3)
        for (const [i, parent] of parents.entries()) {
          const { context } = server.requests.find(({ path }) => path === `/items/${i}`)!
          assert.equal(context.parentId, parent.context.spanId, `request ${i}`)
          const span = spans.find(({ tags }) => tags!['http.path'] === `/items/${i}`)
          assert.equal(span!.parentId, parent.context.spanId, `span ${i}`)
          await finish(parent)
        }
      })

      bravesCase('callbackContextIsFromInvocationTime', async () => {
        const parent = newParent()
        assert.equal(await called(parent, '/foo'), parent)
        assert.equal((await takeOne()).parentId, parent.context.spanId)
        await finish(parent)
      })

      bravesCase('callbackContextIsFromInvocationTime_root', async () => {
        assert.equal(await called(undefined, '/foo'), undefined)
        assert.equal((await takeOne()).parentId, undefined)
      })

      bravesCase('addsStatusCodeWhenNotOk_async', async () => {
        server.enqueue({ status: 400 })
        await called(undefined, '/foo')
        const { tags } = await takeOne()
        assert.equal(tags!['http.status_code'], '400')
        assert.equal(tags!['error'], '400')
      })
    })
  })
}

function assertSameIds(span: ZipkinSpan, context: Recorded['context']): void {
  assert.equal(span.traceId, context.traceId)
  assert.equal(span.id, context.spanId)
  assert.equal(span.parentId, context.parentId)
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
