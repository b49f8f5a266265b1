import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { nodeHttpClient } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'

describe('a response of node:http', () => {
  let server: AnsweringServer
  let test: TestTracing
  let undo: () => void
  let agent: http.Agent

  before(async () => {
    server = await answeringServer()
  })
  beforeEach(() => {
    test = createTestTracing()
    undo = nodeHttpClient.install(test.tracing)
    agent = new http.Agent({ keepAlive: true })
  })
  afterEach(() => {
    agent.destroy()
    undo()
    test.assertClean()
  })
  after(() => server.close())

  /** Half of an answer. `then` is what the server does after it. */
  function half(then: (response: ServerResponse) => void = () => {}): void {
    server.enqueue({
      by(_request, response) {
        response.writeHead(200, { 'content-length': '10' })
        response.write('half', () => then(response))
      },
    })
  }

  async function ask(options: http.RequestOptions = {}): Promise<[ClientRequest, IncomingMessage]> {
    const request = http.get(server.origin, { agent, ...options })
    request.on('error', () => {})
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return [request, response.on('error', () => {})]
  }

  async function outcome(): Promise<{
    error: string | undefined
    said: string[] | undefined
    status?: string | undefined
  }> {
    const [span] = await test.take(1)
    return { error: span!.tags?.['error'], said: span!.annotations?.map(({ value }) => value) }
  }

  const own = new Error('enough')
  const givingUp: Record<string, (request: ClientRequest, response: IncomingMessage) => unknown> = {
    'destroys it': (_request, response) => response.destroy(),
    'destroys it with a reason': (_request, response) => response.destroy(own),
    'destroys the request': (request) => request.destroy(),
    'destroys the request with a reason': (request) => request.destroy(own),
    'aborts the request': (request) => request.abort(),
    'destroys the socket': ({ socket }, response) => (response.destroy(), socket!.destroy()),
    'breaks out of it': async (_request, response) => {
      for await (const _ of response) break
    },
    'has no use for it any more': (_request, response) =>
      pipeline(
        response,
        new Writable({
          write(_chunk, _encoding, done) {
            done(own)
          },
        }),
      ).catch(() => {}),
    'takes all listeners away and destroys it': (request, response) => {
      request.removeAllListeners()
      response.removeAllListeners()
      request.socket!.removeAllListeners()
      response.destroy()
    },
  }
  for (const [how, giveUp] of Object.entries(givingUp)) {
    it(`is abandoned by a caller that ${how}`, async () => {
      half()
      const [request, response] = await ask()
      await giveUp(request, response)
      assert.deepEqual(await outcome(), { error: undefined, said: ['response abandoned'] })
    })
  }

  it('is abandoned by a caller’s signal', async () => {
    half()
    const controller = new AbortController()
    await ask({ signal: controller.signal })
    controller.abort()
    assert.deepEqual(await outcome(), { error: undefined, said: ['response abandoned'] })
  })

  it('is abandoned by a caller that never reads it, when the server is tired of it', async () => {
    half((response) => setImmediate(() => response.destroy()))
    await ask()
    assert.deepEqual(await outcome(), { error: undefined, said: ['response abandoned'] })
  })

  it('is broken, when the server breaks it off', async () => {
    let breakOff!: () => void
    half((response) => (breakOff = () => response.destroy()))
    const [, response] = await ask()
    await once(response, 'data')
    breakOff()
    assert.deepEqual(await outcome(), { error: 'aborted', said: undefined })
  })

  it('is no more than read, when it is whole', async () => {
    for (const headers of [{}, { connection: 'close' }]) {
      server.enqueue({ body: 'whole' })
      const [, response] = await ask({ headers })
      for await (const _ of response);
      assert.deepEqual(await outcome(), { error: undefined, said: undefined })
    }
  })

  it('is abandoned when it is whole, and nobody read it', async () => {
    server.enqueue({ body: 'whole' })
    const [, response] = await ask()
    setImmediate(() => response.destroy())
    assert.deepEqual(await outcome(), { error: undefined, said: ['response abandoned'] })
  })

  const tooEarly: Record<string, { then: (request: ClientRequest) => void; error: string }> = {
    'destroys its request': { then: (request) => request.destroy(), error: 'socket hang up' },
    'destroys its request with a reason': { then: (request) => request.destroy(own), error: 'enough' },
    'aborts its request': { then: (request) => request.abort(), error: 'aborted' },
  }
  for (const [how, { then, error }] of Object.entries(tooEarly)) {
    it(`is missing, where a caller ${how} before it comes`, async () => {
      const request = http.get(`${server.origin}/silent`, { agent }).on('error', () => {})
      then(request)
      assert.deepEqual(await outcome(), { error, said: undefined })
    })
  }
})
