import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as v7 from 'undici'
import { nodeHttpClient } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { traceFetch, traceUndici, undici } from 'tdist/undici'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'
import { startProgram } from '../../support/program.js'
import { startSpanSink } from '../../support/span-sink.js'
import { startHttpProxy, startSocksProxy, type TunnelProxy } from '../../support/tunnel-proxy.js'

type Undici = typeof v7

const require = createRequire(import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
const versions: Record<string, Undici> = {
  undici6: require('undici6') as Undici,
  undici7: v7,
  ...((major > 22 || (major === 22 && minor >= 19)) && { undici8: require('undici8') as Undici }),
}
const loose = { rejectUnauthorized: false }

describe('a call through a proxy', () => {
  let plain: AnsweringServer
  let secure: AnsweringServer
  let proxy: TunnelProxy
  let socks: TunnelProxy
  let test: TestTracing
  let undo: (() => unknown)[] = []

  before(async () => {
    plain = await answeringServer()
    secure = await answeringServer({ tls: true })
    proxy = await startHttpProxy()
    socks = await startSocksProxy()
  })
  beforeEach(() => (test = createTestTracing()))
  afterEach(async () => {
    for (const end of undo.splice(0)) await end()
    for (const { requests } of [plain, secure]) requests.length = 0
    for (const { asked } of [proxy, socks]) asked.length = 0
    test.assertClean()
  })
  after(async () => {
    await plain.close()
    await secure.close()
    proxy.close()
    socks.close()
  })

  /** One span, which is the call's; and nothing of a trace for the proxy itself. */
  async function isOneCall(server: AnsweringServer, through: TunnelProxy, method: string): Promise<void> {
    const [span] = await test.take(1)
    assert.equal(span!.name, 'GET')
    assert.equal(server.requests.length, 1)
    assert.equal(server.requests[0]!.context.spanId, span!.id)
    assert.deepEqual(
      through.asked.map((one) => one.method),
      [method],
    )
    if (method === 'GET') return
    assert.deepEqual(
      Object.keys(through.asked[0]!.headers).filter((name) => /^(?:x-b3|b3|trace)/.test(name)),
      [],
    )
  }

  const ways: Record<string, (dispatcher: v7.Dispatcher) => v7.Dispatcher> = {
    explicit: (dispatcher) => traceUndici(test.tracing, dispatcher),
    'drop-in': (dispatcher) => (undo.push(undici.install(test.tracing)), dispatcher),
    'both ways': (dispatcher) => (
      undo.push(undici.install(test.tracing)),
      traceUndici(test.tracing, dispatcher)
    ),
  }
  for (const [version, lib] of Object.entries(versions)) {
    const agents: Record<string, [make: () => v7.Dispatcher, server: () => AnsweringServer, method: string]> =
      {
        'ProxyAgent, over TLS': [
          () => new lib.ProxyAgent({ uri: `http://127.0.0.1:${proxy.port}`, requestTls: loose }),
          () => secure,
          'CONNECT',
        ],
        'ProxyAgent, all by tunnel': [
          () => new lib.ProxyAgent({ uri: `http://127.0.0.1:${proxy.port}`, proxyTunnel: true }),
          () => plain,
          'CONNECT',
        ],
        EnvHttpProxyAgent: [
          () =>
            new lib.EnvHttpProxyAgent({
              httpsProxy: `http://127.0.0.1:${proxy.port}`,
              noProxy: '',
              requestTls: loose,
            } as never),
          () => secure,
          'CONNECT',
        ],
        ...(version !== 'undici6' && {
          'ProxyAgent, without a tunnel': [
            () => new lib.ProxyAgent({ uri: `http://127.0.0.1:${proxy.port}`, proxyTunnel: false }),
            () => plain,
            'GET',
          ],
          'ProxyAgent, by SOCKS': [
            () => new lib.ProxyAgent({ uri: `socks5://127.0.0.1:${socks.port}`, requestTls: loose }),
            () => plain,
            'SOCKS',
          ],
        }),
      }
    for (const [kind, [make, server, method]] of Object.entries(agents)) {
      for (const [way, trace] of Object.entries(ways)) {
        it(`${version} ${kind}, ${way}: is one span, and the proxy sees no trace`, async () => {
          const agent = make()
          undo.push(() => agent.destroy())
          const { body } = await trace(agent).request({ origin: server().origin, path: '/', method: 'GET' })
          await body.text()
          await isOneCall(server(), method === 'SOCKS' ? socks : proxy, method)
        })
      }
    }

    it(`${version} fetch through a ProxyAgent is one span`, async () => {
      const agent = new lib.ProxyAgent({ uri: `http://127.0.0.1:${proxy.port}`, requestTls: loose })
      undo.push(() => agent.destroy())
      const traced = traceFetch(test.tracing, lib.fetch as never) as unknown as typeof lib.fetch
      await (await traced(secure.origin, { dispatcher: agent })).text()
      await isOneCall(secure, proxy, 'CONNECT')
    })
  }

  it('whose tunnel node:http opens is one span, and the CONNECT keeps what its caller gave it', async () => {
    undo.push(nodeHttpClient.install(test.tracing))
    const connecting = http.request({
      port: proxy.port,
      host: '127.0.0.1',
      method: 'CONNECT',
      path: `127.0.0.1:${plain.port}`,
      headers: { 'x-b3-sampled': '0' },
    })
    connecting.end()
    const [, socket] = (await once(connecting, 'connect')) as [unknown, Socket]
    undo.push(() => socket.destroy())
    const req = http.get(plain.origin, { createConnection: () => socket, agent: false } as object)
    const [res] = (await once(req, 'response')) as [http.IncomingMessage]
    await once(res.resume(), 'end')
    assert.equal(proxy.asked[0]!.headers['x-b3-sampled'], '0')
    delete proxy.asked[0]!.headers['x-b3-sampled']
    await isOneCall(plain, proxy, 'CONNECT')
  })

  const skip = major < 24 ? 'Node 24 reads proxies from the environment' : false
  it('that the environment names is one span, by fetch and by node:http', { skip }, async (t) => {
    const sink = await startSpanSink()
    undo.push(() => sink.close())
    const app = fileURLToPath(new URL('../../../../test/register/proxied-app.mjs', import.meta.url))
    const url = `http://localhost:${plain.port}`
    const program = startProgram(
      t,
      '.',
      [process.execPath, '--import', require.resolve('tdist/register'), app, url],
      {
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
        NO_PROXY: '127.0.0.1',
        TDIST_SERVICE_NAME: 'proxied',
        TDIST_ZIPKIN_URL: sink.url,
      },
    )
    assert.equal(await program.ended, 0, program.said.err)
    await sink.arrival(2)
    assert.deepEqual(sink.spans.map(({ name, tags }) => `${name} ${tags!['http.path']}`).toSorted(), [
      'GET /fetched',
      'GET /got',
    ])
    assert.equal(plain.requests.length, 2)
    for (const { context } of plain.requests) {
      assert.ok(sink.spans.some(({ id }) => id === context.spanId))
    }
    for (const { method, headers } of proxy.asked) {
      if (method === 'CONNECT') assert.equal(headers['x-b3-traceid'], undefined)
    }
  })
})
