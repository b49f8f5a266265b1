import assert from 'node:assert/strict'
import http from 'node:http'
import { createRequire } from 'node:module'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import esm, { type AxiosInstance, type AxiosStatic } from 'axios'
import type { Tracing } from 'tdist'
import { traceAxios } from 'tdist/axios'
import { undici } from 'tdist/undici'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { nodeHttpClient } from 'tdist'
import { httpClientSuite, type TracedClient } from '../../suites/http-client.js'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'

const cjs = createRequire(import.meta.url)('axios') as AxiosStatic

const ways: Record<string, (tracing: Tracing, axios: AxiosInstance) => [AxiosInstance, () => void]> = {
  explicit: (tracing, axios) => [traceAxios(tracing, axios), () => {}],
  'drop-in': (tracing, axios) => {
    const undos = [nodeHttpClient.install(tracing), undici.install(tracing)]
    return [axios, () => undos.forEach((undo) => undo())]
  },
  'both ways': (tracing, axios) => [traceAxios(tracing, axios), nodeHttpClient.install(tracing)],
}

for (const [way, trace] of Object.entries(ways)) {
  httpClientSuite({ name: `axios, ESM build, ${way}`, create: creator(esm, trace) })
  httpClientSuite({ name: `axios, CJS build, ${way}`, create: creator(cjs, trace) })
  httpClientSuite({ name: `axios, fetch adapter, ${way}`, create: creator(esm, trace, 'fetch') })
}

function creator(axios: AxiosStatic, trace: (typeof ways)[string], adapter = 'http') {
  return (tracing: Tracing, _origin: string, bounded: boolean): TracedClient => {
    const agent = new http.Agent({ keepAlive: true, ...(bounded && { maxSockets: 1 }) })
    const plain = axios.create({ httpAgent: agent, adapter, validateStatus: () => true, proxy: false })
    const [traced, undo] = trace(tracing, plain)
    return {
      send: async (url, { method = 'GET', body } = {}) =>
        (await traced.request({ url, method, ...(body && { data: body }) })).status,
      close() {
        agent.destroy()
        undo()
      },
    }
  }
}

describe('traceAxios', () => {
  let server: AnsweringServer
  let test: TestTracing
  before(async () => {
    server = await answeringServer()
  })
  beforeEach(() => {
    test = createTestTracing()
  })
  afterEach(() => {
    server.requests.length = 0
    test.assertClean()
  })
  after(() => server.close())

  it('leaves the instance it was given untraced', async () => {
    const plain = esm.create({ proxy: false })
    traceAxios(test.tracing, plain)
    await plain.get(server.origin)
    assert.equal(server.requests[0]!.headers['x-b3-traceid'], undefined)
  })

  it('traces every method, and what create() makes', async () => {
    const traced = traceAxios(test.tracing, esm)
    const made = traced.create({ baseURL: server.origin, proxy: false })
    await made.get('/get')
    await made.post('/post', { a: 1 })
    await made.request({ url: '/request', method: 'put' })
    await made('/call')
    await traced.delete(`${server.origin}/delete`)
    const names = (await test.take(5)).map(({ tags }) => `${tags!['http.method']} ${tags!['http.path']}`)
    assert.deepEqual(names, ['GET /get', 'POST /post', 'PUT /request', 'GET /call', 'DELETE /delete'])
  })

  it('shares defaults and interceptors with the instance, and reads the rest through', async () => {
    const plain = esm.create({ proxy: false })
    const traced = traceAxios(test.tracing, plain)
    assert.equal(traced.defaults, plain.defaults)
    assert.equal(traced.interceptors, plain.interceptors)
    plain.defaults.baseURL = server.origin
    traced.interceptors.request.use((config) => {
      config.headers.set('x-added', 'yes')
      return config
    })
    await traced.get('/shared')
    assert.equal(server.requests[0]!.headers['x-added'], 'yes')
    assert.equal(traceAxios(test.tracing, esm).AxiosError, esm.AxiosError)
    await test.take(1)
  })

  it('traces once when traced twice', async () => {
    const traced = traceAxios(test.tracing, esm.create({ proxy: false }))
    assert.equal(traceAxios(test.tracing, traced), traced)
    await traced.get(server.origin)
    await test.take(1)
  })

  it('is the instance itself when tracing is off', () => {
    const off = createTestTracing({ enabled: false })
    assert.equal(traceAxios(off.tracing, esm), esm)
  })

  it('gives the results and errors of the untraced instance', async () => {
    const plain = esm.create({ proxy: false, headers: Object.freeze({ 'X-Mine': '1' }) })
    const traced = traceAxios(test.tracing, plain)
    const outcome = async (axios: AxiosInstance, path: string, config: object = {}) => {
      try {
        const { status, data } = await axios.get<string>(server.origin + path, Object.freeze(config))
        return { status, data }
      } catch (error) {
        const { code, message, name } = error as Error & { code?: string }
        return { code, message, name }
      }
    }
    for (const config of [
      {},
      { headers: Object.freeze({ 'X-B3-TraceId': 'mine', accept: 'text/plain' }) },
      { signal: AbortSignal.abort() },
      { timeout: 20 },
      { maxContentLength: 1 },
    ]) {
      const isAnswered = !('signal' in config || 'timeout' in config)
      const path = 'timeout' in config ? '/silent' : '/outcome'
      if (isAnswered) server.enqueue({ body: 'body' })
      const untraced = await outcome(plain, path, config)
      if (isAnswered) server.enqueue({ body: 'body' })
      assert.deepEqual(await outcome(traced, path, config), untraced)
      if (!('signal' in config)) await test.take(1)
    }
    const refused = { ...(await outcome(plain, '/', { baseURL: '', url: '' })) }
    assert.ok(refused)
  })

  it('ends the span of a streamed body when the body has ended', async () => {
    let finish!: () => void
    server.enqueue({
      by(_req, res) {
        res.write('first')
        finish = () => res.end('last')
      },
    })
    const traced = traceAxios(test.tracing, esm.create({ proxy: false }))
    const { data } = await traced.get<AsyncIterable<Buffer>>(server.origin, { responseType: 'stream' })
    assert.equal(test.spans.length, 0)
    finish()
    let body = ''
    for await (const chunk of data) body += String(chunk)
    assert.equal(body, 'firstlast')
    await test.take(1)
  })
})
