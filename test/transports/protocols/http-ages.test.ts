import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { ZipkinSpan } from 'tdist'

/** A thousand times as fast, put there before tdist takes its clock and its timers. */
const FAST = `
  import timers from 'node:timers'
  import { syncBuiltinESMExports } from 'node:module'
  const clock = Object.getPrototypeOf(performance)
  const { now } = clock
  clock.now = function () { return now.call(this) * 1000 }
  globalThis.slowTimeout = timers.setTimeout
  timers.setTimeout = (fn, ms) => slowTimeout(fn, ms / 1000)
  syncBuiltinESMExports()`

/** In a process whose minute is 60 ms; `aged` waits until everything that is open has been over age, and was asked. */
async function run(program: string): Promise<{ spans: ZipkinSpan[]; endedByAge: object }> {
  const source = `
    import { EventEmitter, once } from 'node:events'
    import http from 'node:http'
    import { createTestTracing } from 'tdist/testing'
    import { traceHttpClient, traceHttpServer } from 'tdist'
    import { traceUndici } from 'tdist/undici'
    import undici from 'undici'
    const recorded = createTestTracing()
    const { tracing, spans } = recorded
    const listening = async (server) => {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server.address().port
    }
    const aged = async () => {
      // Begun after all the others, by the same clock.
      const response = new http.ServerResponse(new http.IncomingMessage(null))
      traceHttpServer(tracing, new http.Server(() => {})).emit('request', response.req, response)
      while (!spans.some(({ tags }) => tags['http.path'] === '/'))
        await new Promise((resolve) => slowTimeout(resolve, 50))
      spans.splice(spans.findIndex(({ tags }) => tags['http.path'] === '/'), 1)
    }
    ${program}
    console.log(JSON.stringify({ spans, endedByAge: tracing.endedByAge }))
    process.exit()`
  const preload = `data:text/javascript,${encodeURIComponent(FAST)}`
  const args = ['--import', preload, '--input-type=module', '-e', source]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 })
  assert.equal(stderr, '')
  return JSON.parse(stdout)
}

describe('HTTP calls that are under way for long', () => {
  it('of a server that no connection will end are ended by age, and are no error', async () => {
    const { spans, endedByAge } = await run(`
      const server = traceHttpServer(tracing, new http.Server((req, res) => res.writeHead(200)))
      const req = Object.assign(new http.IncomingMessage(null), { url: '/forgotten', method: 'GET' })
      const res = new http.ServerResponse(req)
      server.emit('request', req, res)
      await aged()
      // Its end comes after all, and is nothing.
      res.emit('finish')
      res.emit('close')
      await new Promise((resolve) => slowTimeout(resolve, 20))`)
    assert.equal(spans.length, 1)
    const [{ tags, duration }] = spans as [ZipkinSpan]
    assert.deepEqual(tags, { 'http.method': 'GET', 'http.path': '/forgotten', 'tdist.ended': 'age' })
    assert.ok(duration! >= 600e6)
    assert.deepEqual(endedByAge, { 'http server': 2 })
  })

  it('as long polls, event streams and downloads are waited for, on either side', async () => {
    const { spans, endedByAge } = await run(`
      const open = []
      const server = traceHttpServer(tracing, new http.Server((req, res) => {
        open.push(res)
        if (req.url !== '/poll') res.writeHead(200).write('some')
      }))
      const port = await listening(server)
      const client = traceHttpClient(tracing, http)
      const agent = traceUndici(tracing, new undici.Agent({ headersTimeout: 0, bodyTimeout: 0 }))
      const calls = [
        ...['/poll', '/stream'].map(async (path) => {
          const [res] = await once(client.get({ port, path }), 'response')
          for await (const _ of res);
        }),
        ...['/poll', '/stream'].map(async (path) => {
          const { body } = await undici.request('http://127.0.0.1:' + port + path, { dispatcher: agent })
          for await (const _ of body);
        }),
      ]
      while (open.length < 4) await new Promise((resolve) => slowTimeout(resolve, 10))
      await aged()
      await aged()
      const early = spans.length
      for (const res of open) res.end('rest')
      await Promise.all(calls)
      while (spans.length < 8) await new Promise((resolve) => slowTimeout(resolve, 10))
      spans.forEach((span) => (span.early = early))`)
    assert.deepEqual(endedByAge, { 'http server': 2 }, 'those that the test waited by')
    for (const { tags, duration, kind, early } of spans as (ZipkinSpan & { early?: number })[]) {
      assert.equal(early, 0)
      assert.deepEqual([tags!['tdist.ended'], tags!['error']], [undefined, undefined], kind)
      assert.ok(duration! >= 1200e6, `${kind} ${tags!['http.path']}: ${duration}`)
    }
  })

  it('of a client whose connection has gone without a word are ended by age, and are no error', async () => {
    const { spans, endedByAge } = await run(`
      const server = new http.Server((req, res) => res.writeHead(200).write('some'))
      const port = await listening(server)
      const req = traceHttpClient(tracing, http).get({ port, path: '/lost' })
      const [res] = await once(req, 'response')
      // Somebody keeps all that happens from everybody.
      for (const emitter of [req, res, res.socket]) emitter.emit = () => true
      res.socket.destroy()
      await aged()`)
    assert.equal(spans.length, 1)
    assert.deepEqual(spans[0]!.tags, { 'http.method': 'GET', 'http.path': '/lost', 'tdist.ended': 'age' })
    assert.deepEqual(endedByAge, { 'http client': 1, 'http server': 1 })
  })
})
