import assert from 'node:assert/strict'
import http from 'node:http'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import axios from 'axios'
import { Agent, type Dispatcher } from 'undici'
import { nodeHttpClient, traceHttpClient } from 'tdist'
import { traceAxios } from 'tdist/axios'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { traceFetch, traceUndici, undici } from 'tdist/undici'
import { signedHeaders } from '#src/transports/http-clients/signed-headers.js'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'
import { authorizationOf, isSignatureRight, SECRET } from '../../support/aws-signature.js'
import { internals } from '../../support/internals.ts'

type Headers = Record<string, string>
/** Sends a request; resolves to its status. */
type Send = (url: string, headers: Headers) => Promise<number>

const B3 = ['x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags']
const THEIRS = {
  'x-b3-traceid': '463ac35c9f6413ad48485a3953bb6124',
  'x-b3-spanid': 'a2fb4a1d1a96d312',
  'x-b3-sampled': '0',
}

describe('the headers that a signature covers', () => {
  const aws = (kind: string, names: string) =>
    `${kind} Credential=KEY/20261128/here/s3/aws4_request, SignedHeaders=${names}, Signature=abc`
  const cases: [name: string, headers: Headers, path: string, signed: string[] | undefined][] = [
    ['none', { accept: '*/*', authorization: 'Bearer x-b3-traceid' }, '/', undefined],
    ['SigV4', { Authorization: aws('AWS4-HMAC-SHA256', 'host;user-id') }, '/', ['host', 'user-id']],
    ['SigV4a', { authorization: aws('AWS4-ECDSA-P256-SHA256', 'host;X-B3-Sampled') }, '/', ['host', ...B3]],
    [
      'a list that ends by an ampersand, as Azure has it',
      { authorization: 'HMAC-SHA256 Credential=a&SignedHeaders=host;user-id&Signature=b' },
      '/',
      ['host', 'user-id'],
    ],
    [
      'a presigned URL',
      {},
      '/a?X-Amz-Date=1&X-Amz-SignedHeaders=host%3buser-id&X-Amz-Signature=2',
      ['host', 'user-id'],
    ],
    [
      'a URL presigned for Google',
      {},
      '/?X-Goog-SignedHeaders=host%3Btracestate',
      ['host', 'traceparent', 'tracestate'],
    ],
    ['a fragment of such a URL', {}, '/#?X-Amz-SignedHeaders=user-id', ['user-id']],
    [
      'HTTP Message Signatures',
      { 'Signature-Input': 'a=("@method" "user-id";sf "traceparent");created=1, b=("b3");keyid="k"' },
      '/',
      ['@method', 'user-id', 'traceparent', 'tracestate', 'b3', 'k'],
    ],
    [
      'a draft of them in Authorization',
      { authorization: 'Signature keyId="k",headers="(request-target) host user-id",signature="s"' },
      '/',
      ['(request-target)', 'host', 'user-id'],
    ],
    ['a draft of them in Signature', { signature: 'keyId="k",headers="user-id b3"' }, '/', ['user-id', 'b3']],
    ['a signature without a list', { signature: 'sig=:abc=:', authorization: 'AWS KEY:abc' }, '/', undefined],
  ]
  for (const [name, headers, path, signed] of cases) {
    it(`are read of ${name}`, () => {
      const found = signedHeaders(Object.entries(headers), path)
      assert.deepEqual(found && [...found].toSorted(), signed?.toSorted())
    })
  }
})

describe('a call whose trace headers are signed', () => {
  let server: AnsweringServer
  let test: TestTracing
  let agent: Agent
  let undo: (() => unknown)[] = []

  before(async () => {
    server = await answeringServer()
  })
  beforeEach(() => {
    test = createTestTracing({ propagation: ['b3', 'w3c'], baggage: ['User-Id'] })
    agent = new Agent()
  })
  afterEach(async () => {
    for (const end of undo.splice(0)) end()
    await agent.destroy()
    server.requests.length = 0
    test.assertClean()
  })
  after(() => server.close())

  const byHttp =
    (module: Pick<typeof http, 'get'>, form: (headers: Headers) => unknown): Send =>
    (url, headers) =>
      new Promise((resolve, reject) => {
        const req = module.get(url, { headers: form(headers) as Headers }, (res) => {
          res.resume().on('end', () => resolve(res.statusCode!))
        })
        req.on('error', reject)
      })
  const byFetch =
    (from: typeof fetch): Send =>
    async (url, headers) => {
      const response = await from(url, { headers })
      await response.text()
      return response.status
    }
  const byUndici =
    (dispatcher: Dispatcher, form: (headers: Headers) => unknown): Send =>
    async (url, headers) => {
      const { origin, pathname, search } = new URL(url)
      const response = await dispatcher.request({
        origin,
        path: pathname + search,
        method: 'GET',
        headers: form(headers) as Headers,
      })
      await response.body.dump()
      return response.statusCode
    }
  const byAxios =
    (adapter: 'http' | 'fetch'): Send =>
    async (url, headers) => {
      const traced = traceAxios(test.tracing, axios.create({ adapter, proxy: false }))
      return (await traced.get(url, { headers, validateStatus: () => true })).status
    }
  const flat = (headers: Headers) => Object.entries(headers).flat()
  const same = (headers: Headers) => headers
  const once = function* (headers: Headers) {
    yield* Object.entries(headers)
  }
  const installed = <T>(what: T): T => {
    undo.push(nodeHttpClient.install(test.tracing), undici.install(test.tracing))
    return what
  }
  const clients: Record<string, () => Send> = {
    'node:http, explicit': () => byHttp(traceHttpClient(test.tracing, http), same),
    'node:http, headers in a list': () =>
      byHttp(traceHttpClient(test.tracing, http), (headers) => flat({ host: 'here', ...headers })),
    'node:http, drop-in': () => installed(byHttp(http, same)),
    'node:http, drop-in, expecting to continue': () =>
      installed(byHttp(http, (headers) => ({ ...headers, expect: '100-continue' }))),
    'fetch, explicit': () => byFetch(traceFetch(test.tracing, fetch)),
    'fetch, drop-in': () => installed(byFetch(fetch)),
    'undici, explicit': () => byUndici(traceUndici(test.tracing, agent), same),
    'undici, explicit, headers in a list': () => byUndici(traceUndici(test.tracing, agent), flat),
    'undici, explicit, headers that come once': () => byUndici(traceUndici(test.tracing, agent), once),
    'undici, drop-in': () => installed(byUndici(agent, same)),
    'undici, both ways': () => installed(byUndici(traceUndici(test.tracing, agent), same)),
    'axios by node:http': () => byAxios('http'),
    'axios by fetch': () => byAxios('fetch'),
  }

  /** A span like any other, which no header tells the server of. */
  const isSpan = async (): Promise<void> => {
    const [span] = await test.take(1)
    assert.deepEqual([span!.kind, span!.name, span!.tags!['error']], ['CLIENT', 'GET', undefined])
    assert.equal(server.requests.length, 1)
    assert.notEqual(span!.traceId, THEIRS['x-b3-traceid'])
    const traceparent = server.requests[0]!.headers['traceparent']
    assert.equal(traceparent, `00-${span!.traceId}-${span!.id}-01`, 'what is not signed is ours')
  }

  for (const [name, make] of Object.entries(clients)) {
    it(`${name}: a server that recomputes AWS's signature finds it right`, async () => {
      const send = make()
      const headers: Headers = {
        host: new URL(server.origin).host,
        'x-amz-date': '20261128T120000Z',
        ...THEIRS,
      }
      headers['authorization'] = authorizationOf({ method: 'GET', path: '/a', headers, body: '' })
      // Not signed, so it gives way.
      headers['traceparent'] = `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`
      assert.equal(await send(`${server.origin}/a`, headers), 200)
      const [request] = server.requests
      assert.ok(isSignatureRight(request!))
      assert.deepEqual(
        B3.map((key) => request!.headers[key]),
        B3.map((key) => THEIRS[key as keyof typeof THEIRS]),
      )
      await isSpan()
    })

    it(`${name}: part of a trace that is signed keeps all of it; baggage, and what belongs to others, goes`, async () => {
      const send = make()
      const parent = internals(test.tracing).tracer.newTrace(undefined, true, false, {
        baggage: { 'User-Id': 'ours' },
      })
      const inside = <T>(fn: () => T): T => test.tracing.dataManager.run(parent, fn)
      const own = { ...THEIRS, 'user-id': 'theirs' }
      const signs = (list: string) => ({ ...own, 'signature-input': `a=(${list})`, signature: 'a=:bc=:' })
      assert.equal(await inside(() => send(server.origin, signs('"@method" "x-b3-spanid"'))), 200)
      await isSpan()
      assert.equal(server.requests[0]!.context.traceId, THEIRS['x-b3-traceid'])
      assert.equal(server.requests[0]!.headers['user-id'], 'ours')
      server.requests.length = 0

      assert.equal(await inside(() => send(server.origin, signs('"user-id"'))), 200)
      const [span] = await test.take(1)
      assert.equal(server.requests[0]!.context.spanId, span!.id)
      assert.equal(server.requests[0]!.headers['user-id'], 'theirs')
      parent.finish()
      await test.take(1)
    })

    it(`${name}: a presigned URL`, async () => {
      const send = make()
      assert.equal(await send(`${server.origin}/?X-Amz-SignedHeaders=host%3Bx-b3-traceid`, THEIRS), 200)
      assert.equal(server.requests[0]!.context.traceId, THEIRS['x-b3-traceid'])
      assert.equal(server.requests[0]!.context.parentId, undefined)
      await isSpan()
    })
  }

  it('undici, both ways, and nothing in the headers that is ours: one span, by the signature', async () => {
    test = createTestTracing()
    const send = installed(byUndici(traceUndici(test.tracing, agent), same))
    const list = '"x-b3-traceid"'
    for (const [path, more] of [
      ['/?X-Amz-SignedHeaders=host%3Bx-b3-traceid', {}],
      ['/', { 'signature-input': `a=(${list})`, signature: 'a=:bc=:' }],
      ['/', { authorization: `Signature headers=${list},signature="bc"` }],
    ] as const) {
      assert.equal(await send(server.origin + path, { ...THEIRS, ...more }), 200)
      await test.take(1)
    }
  })

  it('a command of the AWS SDK, which signs what its middleware forwards, stays valid', async () => {
    installed(undefined)
    const client = new KinesisClient({
      region: 'here',
      endpoint: server.origin,
      credentials: { accessKeyId: 'KEY', secretAccessKey: SECRET },
      requestHandler: new NodeHttpHandler(),
      maxAttempts: 1,
    })
    client.middlewareStack.add(
      (next) => (args) => {
        Object.assign((args.request as { headers: Headers }).headers, THEIRS)
        return next(args)
      },
      { step: 'build' },
    )
    server.enqueue({ body: '{}', headers: { 'content-type': 'application/x-amz-json-1.1' } })
    await client.send(new ListShardsCommand({ StreamName: 'a-stream' }))
    client.destroy()
    const [request] = server.requests
    assert.match(String(request!.headers['authorization']), /SignedHeaders=[^,]*x-b3-traceid/)
    assert.ok(isSignatureRight(request!))
    assert.equal(request!.context.spanId, THEIRS['x-b3-spanid'])
    assert.equal((await test.take(1))[0]!.name, 'POST')
  })
})
