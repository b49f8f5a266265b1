import assert from 'node:assert/strict'
import http, { type ClientRequest, OutgoingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { nodeHttpClient, traceHttpClient } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { answeringServer, type AnsweringServer, type Recorded } from '../../support/answering-server.js'
import { internals } from '../../support/internals.ts'

/** Another trace's. */
const STALE = {
  'x-b3-traceid': '463ac35c9f6413ad48485a3953bb6124',
  'x-b3-spanid': 'a2fb4a1d1a96d312',
  'x-b3-parentspanid': '0020000000000001',
  'x-b3-sampled': '0',
}

const SETS: Record<string, (req: ClientRequest) => void> = {
  'setHeader, each': (req) => {
    for (const [name, value] of Object.entries(STALE)) req.setHeader(name, value)
  },
  'setHeader, in another case': (req) => void req.setHeader('X-B3-SPANID', STALE['x-b3-spanid']),
  'setHeader, one that ours have not': (req) =>
    void req.setHeader('x-b3-parentspanid', STALE['x-b3-parentspanid']),
  setHeaders: (req) => void req.setHeaders(new Headers(STALE)),
  appendHeader: (req) => void req.appendHeader('x-b3-traceid', STALE['x-b3-traceid']),
  'removal of all, and setHeaders': (req) => {
    for (const name of req.getHeaderNames()) if (name.startsWith('x-b3')) req.removeHeader(name)
    req.setHeaders(new Map(Object.entries(STALE)))
  },
}
const SENDS: Record<string, (req: ClientRequest) => void> = {
  end: (req) => void req.end('body'),
  write: (req) => {
    req.write('bo')
    req.end('dy')
  },
  flushHeaders: (req) => {
    req.flushHeaders()
    req.end('body')
  },
  pipe: (req) => void pipeline(Readable.from(['bo', 'dy']), req),
}

for (const way of ['dropped in', 'by traceHttpClient']) {
  describe(`a request’s own trace headers, ${way}, over others set after it was made`, () => {
    let server: AnsweringServer
    let test: TestTracing
    let undo: () => void
    let client: { request: typeof http.request }

    before(async () => {
      server = await answeringServer()
    })
    beforeEach(() => {
      test = createTestTracing()
      const isDropIn = way === 'dropped in'
      undo = isDropIn ? nodeHttpClient.install(test.tracing) : () => {}
      client = isDropIn ? http : traceHttpClient(test.tracing, http)
    })
    afterEach(() => {
      undo()
      server.requests.length = 0
      test.assertClean()
    })
    after(() => server.close())

    async function ask(use: (req: ClientRequest) => void): Promise<Recorded> {
      const req = client.request(`${server.origin}/`, { method: 'POST', agent: false })
      await new Promise((resolve, reject) => {
        req.on('error', reject).on('response', (res) => res.resume().on('end', resolve))
        use(req)
      })
      return server.requests.shift()!
    }

    for (const [setting, set] of Object.entries(SETS)) {
      for (const [sending, send] of Object.entries(SENDS)) {
        it(`${setting}, ${sending}`, async () => {
          const arrived = await ask((req) => {
            set(req)
            req.setHeader('mine', 'yes')
            send(req)
          })
          const [span] = await test.take(1)
          const { traceId, spanId, parentId, sampled } = arrived.context
          assert.deepEqual(
            { traceId, spanId, parentId, sampled },
            { traceId: span!.traceId, spanId: span!.id, parentId: undefined, sampled: true },
          )
          assert.equal(arrived.rawHeaders.filter((name) => /^x-b3-spanid$/i.test(name)).length, 1)
          assert.deepEqual([arrived.headers['mine'], arrived.body], ['yes', 'body'])
        })
      }
    }

    it('what one request shows goes with the next and changes nothing, in a trace of their own', async () => {
      const root = internals(test.tracing).tracer.newTrace(undefined, true)
      await test.tracing.dataManager.run(root, async () => {
        let shown: Record<string, unknown> = {}
        const first = await ask((req) => {
          req.end()
          shown = req.getHeaders()
        })
        const second = await ask((req) => {
          for (const [name, value] of Object.entries(shown)) req.setHeader(name, String(value))
          assert.equal(req.getHeader('x-b3-spanid'), shown['x-b3-spanid'], 'what was set is there to see')
          req.end()
          assert.notEqual(req.getHeader('x-b3-spanid'), shown['x-b3-spanid'])
        })
        root.finish()
        const spans = await test.take(3)
        assert.deepEqual(
          [first, second].map(({ context }) => context.spanId),
          spans.slice(0, 2).map(({ id }) => id),
        )
        assert.equal(second.context.parentId, spans[2]!.id)
      })
    })

    it('an unsampled request keeps its own too', async () => {
      const root = internals(test.tracing).tracer.newTrace(undefined, false)
      const arrived = await test.tracing.dataManager.run(root, async () =>
        ask((req) => {
          for (const [name, value] of Object.entries(STALE)) req.setHeader(name, value)
          req.end()
        }),
      )
      assert.equal(arrived.context.traceId, root.context.traceId)
    })

    it('what is only removed stays removed', async () => {
      const arrived = await ask((req) => {
        for (const name of req.getHeaderNames()) if (name.startsWith('x-b3')) req.removeHeader(name)
        req.end()
      })
      assert.deepEqual(
        Object.keys(arrived.headers).filter((name) => name.startsWith('x-b3')),
        [],
      )
      await test.take(1)
    })

    it('what a signature covers arrives as it was signed', async () => {
      const arrived = await ask((req) => {
        for (const [name, value] of Object.entries(STALE)) req.setHeader(name, value)
        req.setHeader('signature-input', 'a=("@method" "x-b3-spanid")')
        req.setHeader('signature', 'a=:bc=:')
        req.end()
      })
      assert.equal(arrived.context.spanId, STALE['x-b3-spanid'])
      await test.take(1)
    })

    it('whoever replaces what sends all messages is asked', async (t) => {
      const asked: string[] = []
      const { prototype } = OutgoingMessage as unknown as {
        prototype: Record<string, (this: unknown) => void>
      }
      for (const name of ['write', 'end', 'flushHeaders']) {
        const own = prototype[name]!
        t.mock.method(prototype, name, function (this: unknown, ...args: []) {
          if (this instanceof http.ClientRequest) asked.push(name)
          return own.apply(this, args)
        })
      }
      await ask((req) => {
        req.flushHeaders()
        req.write('body')
        req.end()
      })
      await test.take(1)
      assert.deepEqual(asked, ['flushHeaders', 'write', 'end'])
    })

    it('headers that have gone are no longer to be set', async () => {
      await ask((req) => {
        req.flushHeaders()
        assert.equal(req.headersSent, true)
        assert.throws(() => req.setHeader('x-b3-spanid', STALE['x-b3-spanid']), {
          code: 'ERR_HTTP_HEADERS_SENT',
        })
        req.end()
      })
      await test.take(1)
    })
  })
}
