import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Writable } from 'node:stream'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as v7 from 'undici'
import type { ZipkinSpan } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { traceFetch, traceUndici, undici } from 'tdist/undici'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'

type Undici = typeof v7
type Fetch = (url: string, init?: object) => Promise<Response>
type Ask = (more?: Partial<v7.Dispatcher.RequestOptions>) => Promise<v7.Dispatcher.ResponseData>

const require = createRequire(import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
const versions: Record<string, Undici> = {
  undici6: require('undici6') as Undici,
  undici7: v7,
  ...((major > 22 || (major === 22 && minor >= 19)) && { undici8: require('undici8') as Undici }),
}
const pem = readFileSync(new URL('../../../../test/support/localhost.pem', import.meta.url))

/** A reason that looks like a network's failure, as that of a proxy whose own caller is gone. */
const reset = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })

const fetches: Record<string, (fetch: Fetch, url: string) => Promise<void>> = {
  'cancelled with a reason': async (fetch, url) => (await fetch(url)).body!.cancel('enough'),
  'cancelled as a network would fail': async (fetch, url) => (await fetch(url)).body!.cancel(reset()),
  'broken out of': async (fetch, url) => {
    for await (const _ of (await fetch(url)).body as unknown as AsyncIterable<Uint8Array>) break
  },
  'aborted after the headers': async (fetch, url) => {
    const controller = new AbortController()
    const response = await fetch(url, { signal: controller.signal })
    const text = assert.rejects(response.text())
    controller.abort()
    await text
  },
  'never read': async (fetch, url) => void (await fetch(url)),
}

const requests: Record<string, (ask: Ask) => Promise<void>> = {
  'a destroyed body': async (ask) => void (await ask()).body.on('error', () => {}).destroy(),
  'a body destroyed as a network would fail': async (ask) =>
    void (await ask()).body.on('error', () => {}).destroy(reset()),
  'a dump that has had enough': async (ask) => (await ask()).body.dump({ limit: 1 }),
  'a signal after the headers': async (ask) => {
    const controller = new AbortController()
    const { body } = await ask({ signal: controller.signal })
    const text = assert.rejects(body.text())
    controller.abort()
    await text
  },
}

describe('a response that its caller gives up', () => {
  let server: AnsweringServer
  let test: TestTracing
  let undo: (() => unknown)[] = []

  before(async () => {
    server = await answeringServer()
    setFlagsFromString('--expose-gc')
  })
  beforeEach(() => (test = createTestTracing()))
  afterEach(async () => {
    for (const end of undo.splice(0)) await end()
    test.assertClean()
  })
  after(() => server.close())

  /** An answer whose body goes on for ever; `then` may end it otherwise. */
  const endless = (then: (res: import('node:http').ServerResponse) => void = () => {}, headers = {}) =>
    server.enqueue({
      by: (_req, res) => {
        res.writeHead(200, headers)
        res.write('a part', () => then(res))
      },
    })
  const theSpan = async (): Promise<ZipkinSpan> => (await test.take(1, 20_000))[0]!
  const isAbandoned = ({ tags, annotations }: ZipkinSpan) => {
    assert.equal(tags!['error'], undefined)
    assert.deepEqual(
      annotations?.map(({ value }) => value),
      ['response abandoned'],
    )
  }
  const isFailed = ({ tags, annotations }: ZipkinSpan, status?: string) => {
    assert.ok(tags!['error'])
    assert.equal(tags!['http.status_code'], status)
    assert.equal(annotations, undefined)
  }

  const ways = (lib: Undici): Record<string, () => v7.Dispatcher> => {
    const agent = () => {
      const made = new lib.Agent()
      undo.push(() => made.destroy())
      return made
    }
    return {
      explicit: () => traceUndici(test.tracing, agent()),
      'drop-in': () => {
        undo.push(undici.install(test.tracing))
        return agent()
      },
      'both ways': () => {
        undo.push(undici.install(test.tracing))
        return traceUndici(test.tracing, agent())
      },
    }
  }
  const fetchers: Record<string, () => Fetch> = {
    'global fetch, explicit': () => traceFetch(test.tracing, fetch as never) as Fetch,
    'global fetch, drop-in': () => (undo.push(undici.install(test.tracing)), fetch as never),
  }
  for (const [version, lib] of Object.entries(versions)) {
    for (const [way, make] of Object.entries(ways(lib))) {
      fetchers[`${version} fetch, ${way}`] = () => {
        const dispatcher = make()
        return (url, init) => lib.fetch(url, { ...init, dispatcher }) as never
      }
    }
  }

  for (const [name, make] of Object.entries(fetchers)) {
    for (const [how, giveUp] of Object.entries(fetches)) {
      it(`${name}: ${how} is no error`, async () => {
        const from = make()
        endless()
        await giveUp(from, server.origin)
        const collect = how === 'never read' ? (runInNewContext('gc') as () => void) : () => {}
        while (test.spans.length === 0) {
          collect()
          await new Promise(setImmediate)
        }
        isAbandoned(await theSpan())
      })
    }

    it(`${name}: what a server breaks off is an error, and so is what can't be unpacked`, async () => {
      const from = make()
      for (const [end, headers] of [
        [(res: import('node:http').ServerResponse) => void res.destroy(), {}],
        [undefined, { 'content-encoding': 'gzip' }],
      ] as const) {
        endless(end, headers)
        const response = await from(server.origin)
        await assert.rejects(response.text())
        isFailed(await theSpan())
      }
    })

    it(`${name}: giving up before the headers is an error`, async () => {
      const from = make()
      const controller = new AbortController()
      server.enqueue({ by: () => controller.abort() })
      await assert.rejects(from(server.origin, { signal: controller.signal }))
      isFailed(await theSpan())
    })
  }

  for (const [version, lib] of Object.entries(versions)) {
    for (const [way, make] of Object.entries(ways(lib))) {
      for (const [how, giveUp] of Object.entries(requests)) {
        it(`${version} request, ${way}: ${how} is no error`, async () => {
          const dispatcher = make()
          endless()
          await giveUp((more) =>
            dispatcher.request({ origin: server.origin, path: '/', method: 'GET', ...more }),
          )
          isAbandoned(await theSpan())
        })
      }

      it(`${version} stream, ${way}: a destroyed target is no error, and a body that stops coming is one`, async () => {
        const dispatcher = make()
        const options = { origin: server.origin, path: '/', method: 'GET' as const }
        endless()
        const target = new Writable({ write: (_chunk, _encoding, done) => (target.destroy(), done()) })
        await dispatcher.stream(options, () => target).catch(() => {})
        isAbandoned(await theSpan())
        endless()
        const { body } = await dispatcher.request({ ...options, bodyTimeout: 1 })
        await assert.rejects(body.text())
        isFailed(await theSpan())
      })

      it(`${version} HTTP/2, ${way}: tells who ended the stream`, async () => {
        const session = http2.createSecureServer({ key: pem, cert: pem })
        let breakOff = false
        session.on('stream', (stream) => {
          stream.on('error', () => {})
          stream.respond({ ':status': 200 })
          stream.write('a part', () => {
            if (breakOff) stream.session!.destroy()
          })
        })
        session.listen(0, '127.0.0.1')
        await once(session, 'listening')
        undo.push(() => void session.close())
        const agent = new lib.Agent({ allowH2: true, connect: { rejectUnauthorized: false } })
        undo.unshift(() => agent.destroy())
        make()
        const dispatcher = way === 'drop-in' ? agent : traceUndici(test.tracing, agent)
        const options = {
          origin: `https://127.0.0.1:${(session.address() as AddressInfo).port}`,
          path: '/',
          method: 'GET' as const,
        }
        const given = await dispatcher.request(options)
        given.body.on('error', () => {}).destroy()
        isAbandoned(await theSpan())
        breakOff = true
        const broken = await dispatcher.request(options)
        await assert.rejects(broken.body.text())
        isFailed(await theSpan())
      })
    }

    if (lib.EventSource) {
      it(`${version} EventSource: closing it is no error`, async () => {
        undo.push(undici.install(test.tracing))
        endless((res) => res.write('\ndata: one\n\n'), { 'content-type': 'text/event-stream' })
        const agent = new lib.Agent()
        undo.push(() => agent.destroy())
        const source = new lib.EventSource(server.origin, { dispatcher: agent } as never)
        await new Promise((resolve) => source.addEventListener('message', resolve))
        source.close()
        isAbandoned(await theSpan())
      })
    }
  }
})
