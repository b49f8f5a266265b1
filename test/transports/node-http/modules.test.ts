import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test'
import { traceHttpClient, type HttpModule } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'

const followRedirects = createRequire(import.meta.url)('follow-redirects') as { http: HttpModule }

describe('a module whose requests are traced', () => {
  let server: AnsweringServer
  let test: TestTracing
  before(async () => {
    server = await answeringServer()
  })
  beforeEach(() => {
    test = createTestTracing()
  })
  afterEach(() => {
    mock.restoreAll()
    assert.deepEqual(test.tracing.faults, {})
    test.assertClean()
  })
  after(() => server.close())

  const nodes = (): HttpModule => ({ request: http.request, get: http.get })
  const get = async (module: HttpModule): Promise<number> => {
    const [response] = (await once(module.get(server.origin, { agent: false }), 'response')) as [
      http.IncomingMessage,
    ]
    await response.resume().toArray()
    return response.statusCode!
  }

  it('may be given the traced methods for its own', async () => {
    const module = nodes()
    Object.assign(module, traceHttpClient(test.tracing, module))
    assert.equal(await get(module), 200)
    await test.take(1)
  })

  it('may be given them for its own twice', async () => {
    const module = nodes()
    for (let i = 0; i < 2; i++) Object.assign(module, traceHttpClient(test.tracing, module))
    assert.equal(await get(module), 200)
    await test.take(1)
  })

  it('is asked for what it was when it was wrapped, whoever patches it later', async () => {
    const module = { ...nodes() }
    const traced = traceHttpClient(test.tracing, module)
    const later = mock.method(module, 'request')
    assert.equal(await get(traced), 200)
    assert.equal(later.mock.callCount(), 0)
    await test.take(1)
  })

  it('can be patched over the traced methods', async () => {
    const module = { ...nodes() }
    Object.assign(module, traceHttpClient(test.tracing, module))
    const get_ = mock.method(module, 'get')
    const request = mock.method(module, 'request')
    assert.equal(await get(module), 200)
    assert.equal(get_.mock.callCount() + request.mock.callCount(), 1)
    await test.take(1)
  })

  it('may stand on node:http: each request that it makes there is a span', async () => {
    const traced = traceHttpClient(test.tracing, followRedirects.http)
    server.enqueue({ status: 302, headers: { location: '/elsewhere' } })
    assert.equal(await get(traced), 200)
    const names = (await test.take(2)).map(({ tags }) => tags!['http.path'])
    assert.deepEqual(names, ['/', '/elsewhere'])
    assert.equal(server.requests.at(-1)!.headers['x-b3-sampled'], '1')
  })

  it('may reach node:http by a way that leads round it', async () => {
    const module = {
      request: (...args: ConstructorParameters<typeof http.ClientRequest>) => new http.ClientRequest(...args),
      get(url: string) {
        const req = new http.ClientRequest(url)
        process.nextTick(() => req.end())
        return req
      },
    } as unknown as HttpModule
    assert.equal(await get(traceHttpClient(test.tracing, module)), 200)
    await test.take(1)
  })

  it('may have requests of another kind: they are its own, and one line says that they have no span', async () => {
    const lines: string[] = []
    mock.method(process.stderr, 'write', (line: string) => lines.push(line))
    const stub = { end() {} }
    for (const made of [stub, undefined, null, 7]) {
      const module = { request: () => made, get: () => made } as unknown as HttpModule
      const traced = traceHttpClient(test.tracing, module)
      assert.equal(traced.request(server.origin), made)
      assert.equal(traced.get({ headers: ['a', 'b'] }), made)
    }
    const said = lines.filter((line) => line.startsWith('tdist: '))
    assert.equal(said.length, 1)
    assert.match(said[0]!, /not node:http’s own/)
  })

  it('may speak HTTP/2', async () => {
    mock.method(process.stderr, 'write', () => true)
    const h2 = http2.createServer((_, response) => response.end('two'))
    await new Promise<void>((resolve) => h2.listen(0, '127.0.0.1', resolve))
    const session = http2.connect(`http://127.0.0.1:${(h2.address() as AddressInfo).port}`)
    const request = (path: string) => session.request({ ':path': path })
    const traced = traceHttpClient(test.tracing, { request, get: request } as unknown as HttpModule)
    const stream = traced.get('/') as unknown as http2.ClientHttp2Stream
    assert.equal(String(Buffer.concat(await stream.toArray())), 'two')
    session.close()
    await new Promise((resolve) => h2.close(resolve))
  })
})
