import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import http, { type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeHttpClient, nodeHttpServer } from 'tdist'
import { createTestTracing, type TestTracing } from 'tdist/testing'

const ANSWER = { 'content-length': '4' }
const SWITCH = 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
const UPGRADE = { connection: 'upgrade', upgrade: 'x' }

/** Where a test meets the emitters of a call. Each is called as soon as the host could have the emitter. */
interface Meetings {
  server?(server: http.Server): void
  request?(request: IncomingMessage, response: ServerResponse): void
  /** In place of an answer. */
  answer?(request: IncomingMessage, response: ServerResponse): void
  upgraded?(socket: Socket): void
  called?(request: ClientRequest): void
  socket?(socket: Socket): void
  answered?(response: IncomingMessage): void
  /** In place of reading it. */
  read?(response: IncomingMessage): void
}

describe('what is overheard', () => {
  let test: TestTracing
  let undo: () => void
  let server: http.Server
  let agent: http.Agent
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)

  function install(): void {
    const undos = [nodeHttpServer.install(test.tracing), nodeHttpClient.install(test.tracing)]
    undo = () => undos.splice(0).forEach((one) => one())
  }

  beforeEach(() => {
    test = createTestTracing()
    agent = new http.Agent({ keepAlive: true })
    install()
    process.on('warning', warned)
  })
  afterEach(async () => {
    process.off('warning', warned)
    await close()
    agent.destroy()
    undo()
    test.assertClean()
  })

  async function close(): Promise<void> {
    agent.destroy()
    agent = new http.Agent({ keepAlive: true })
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }

  async function serve(meet: Meetings): Promise<number> {
    server = http.createServer((request, response) => {
      meet.request?.(request, response)
      if (meet.answer) meet.answer(request, response)
      else response.writeHead(200, ANSWER).end('done')
    })
    server.on('upgrade', (_request: IncomingMessage, socket: Socket) => {
      socket.write(SWITCH)
      meet.upgraded?.(socket)
      socket.on('error', () => {}).end()
    })
    meet.server?.(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  /** A call of that server by node:http, to its end. */
  async function callOnce(
    port: number,
    meet: Meetings,
    headers: http.OutgoingHttpHeaders = {},
  ): Promise<void> {
    const request = http.request({ port, host: '127.0.0.1', agent, headers })
    const closed = new Promise((resolve) => request.once('close', resolve))
    // Where its listeners are taken away too, the socket's end is the last that is heard of it.
    const gone = new Promise((resolve) => {
      request.once('socket', (socket: Socket) => {
        meet.socket?.(socket)
        socket.once('close', resolve)
      })
    })
    request.on('error', () => {})
    request.on('upgrade', (_response, socket: Socket) => socket.end())
    request.on('response', (response: IncomingMessage) => {
      response.on('error', () => {})
      meet.answered?.(response)
      if (meet.read) meet.read(response)
      else response.resume()
    })
    meet.called?.(request)
    request.end()
    await Promise.race([closed, gone])
    await setImmediate()
  }

  /** Every event of an emitter that somebody listens to, and how many do. */
  const counts = (emitter: EventEmitter): object =>
    emitter.eventNames().map((event) => {
      const listeners = [emitter.listenerCount(event), emitter.listeners(event), emitter.rawListeners(event)]
      return [event, ...listeners.map((some) => (typeof some === 'number' ? some : some.length))]
    })

  it('leaves every emitter the listeners that it has untraced', async () => {
    const seen: Record<string, object>[] = []
    for (const traced of [false, true]) {
      if (!traced) undo()
      else install()
      const now: Record<string, object> = {}
      const note = (name: string, emitter: EventEmitter): void => void (now[name] = counts(emitter))
      const meet: Meetings = {
        server: (made) => note('server', made),
        request(request, response) {
          note('request', request)
          note('response', response)
          note('server socket', request.socket)
          response.on('finish', () => note('response, finished', response))
        },
        upgraded: (socket) => note('upgrade socket', socket),
        called: (request) => note('client request', request),
        socket: (socket) => note('client socket', socket),
        answered(response) {
          note('client response', response)
          note('client request, answered', (response as unknown as { req: ClientRequest }).req)
        },
      }
      const port = await serve(meet)
      await callOnce(port, meet)
      await callOnce(port, { called: (request) => note('upgrade request', request) }, UPGRADE)
      note('agent', agent)
      note('server, at last', server)
      seen.push(now)
      if (traced) await test.take(4)
      else await close()
    }
    assert.equal(Object.keys(seen[0]!).length, 13)
    assert.deepEqual(seen[1], seen[0])
  })

  it('leaves room for the ten listeners that Node lets an emitter have', async () => {
    /** How many the host can add of each emitter's, in turn. */
    const room: number[] = []
    for (const traced of [false, true]) {
      if (!traced) undo()
      else install()
      let met = 0
      const more = (emitter: EventEmitter): void => {
        const count = (room[met++] ??=
          (emitter instanceof http.Server ? 9 : 10) - emitter.listenerCount('close'))
        for (let i = 0; i < count; i++) emitter.on('close', () => {})
      }
      const meet: Meetings = {
        server: more,
        request(request, response) {
          more(request)
          more(response)
        },
        upgraded: more,
        called: more,
        answered: more,
      }
      const port = await serve(meet)
      await callOnce(port, meet)
      await callOnce(port, meet, UPGRADE)
      assert.equal(met, 7)
      if (traced) await test.take(4)
      else await close()
    }
    assert.deepEqual(warnings, [])
  })

  const away = (emitter: EventEmitter): void => void emitter.removeAllListeners().on('error', () => {})
  /** Answers by an `emit` that is the object's own, and knows nothing of a prototype's. */
  const own = (emitter: EventEmitter): void => {
    emitter.emit = function (...args) {
      return EventEmitter.prototype.emit.apply(this, args)
    }
  }

  for (const [how, take] of [
    ['removeAllListeners', away],
    ['an emit of its own', own],
  ] as const) {
    const answering: Record<string, Meetings> = {
      'the server’s request': { request: take },
      'the server’s response': {
        request(_request, response) {
          take(response)
          // What would let go of the connection is gone too.
          response.on('finish', () => response.socket?.destroySoon())
        },
      },
      'the server’s socket': {
        request: ({ socket }, response) => void (take(socket), response.on('finish', () => socket.destroy())),
      },
      'the client’s request': { called: take },
      'the client’s response': { answered: take },
    }
    for (const [of, meet] of Object.entries(answering)) {
      it(`loses neither span of an answered call to ${how} on ${of}`, async () => {
        void callOnce(await serve(meet), meet)
        const spans = await test.take(2)
        assert.deepEqual(new Set(spans.map(({ kind }) => kind)), new Set(['CLIENT', 'SERVER']))
        for (const { tags } of spans) assert.equal(tags?.['error'], undefined)
      })
    }

    const losing: Record<string, Meetings> = {
      'the server’s request': { answer: (request) => void (take(request), request.socket.destroy()) },
      'the server’s response': {
        answer: (request, response) => void (take(response), request.socket.destroy()),
      },
      'the server’s socket': { answer: ({ socket }) => void (take(socket), socket.destroy()) },
      'the client’s request': { called: take, answer: ({ socket }) => void socket.destroy() },
      'the client’s response': {
        answered: take,
        answer: ({ socket }, response) =>
          void response.writeHead(200, ANSWER).write('x', () => setTimeout(() => socket.destroy(), 5)),
      },
      'the client’s socket': {
        socket: (socket) => void (take(socket), socket.on('connect', () => socket.destroy())),
        answer: ({ socket }) => void socket.destroy(),
      },
    }
    for (const [of, meet] of Object.entries(losing)) {
      // A server's socket that calls no `emit` but its own tells nobody.
      if (take === own && of === 'the server’s socket') continue
      it(`loses no span of a lost call to ${how} on ${of}`, async () => {
        void callOnce(await serve(meet), meet)
        const reached = of !== 'the client’s socket' || test.spans.some(({ kind }) => kind === 'SERVER')
        const spans = await test.take(reached ? 2 : 1)
        for (const { tags, kind } of spans) assert.ok(tags?.['error'], kind)
      })
    }
  }

  it('loses no span of an upgrade to removeAllListeners on its socket', async () => {
    const port = await serve({})
    server.removeAllListeners('upgrade')
    server.on('upgrade', (_request, socket: Socket) => void (away(socket), socket.destroy()))
    const client = connect(port, '127.0.0.1').on('error', () => {})
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
    const [span] = await test.take(1)
    assert.equal(span!.tags?.['error'], 'aborted')
  })

  it('is heard below node:domain, whenever that is loaded', async () => {
    const { create } = await import('node:domain')
    const domain = create()
    let inside: unknown
    const port = await serve({
      server: (made) => domain.add(made),
      request: () => void (inside = (process as { domain?: unknown }).domain),
    })
    await callOnce(port, {})
    await test.take(2)
    assert.equal(inside, domain)
  })
})
