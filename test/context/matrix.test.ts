import assert from 'node:assert/strict'
import { AsyncResource } from 'node:async_hooks'
import { execFile } from 'node:child_process'
import { pbkdf2, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns'
import { EventEmitter, on, once } from 'node:events'
import { createReadStream, readFile, promises as files } from 'node:fs'
import http from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { finished, pipeline, PassThrough, Readable, Transform } from 'node:stream'
import { afterEach, describe, it } from 'node:test'
import { scheduler, setInterval as every, setTimeout as sleep } from 'node:timers/promises'
import { callbackify, promisify } from 'node:util'
import { MessageChannel, Worker } from 'node:worker_threads'
import { gzip } from 'node:zlib'
import { nodeHttpServer, type Span } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { internals } from '../support/internals.ts'

const test = createTestTracing()
const { dataManager, tracer } = internals(test.tracing)
const file = new URL(import.meta.url)

/** Runs in the scope of somebody else's span: who holds the pool, or fires the event. */
type Elsewhere = <T>(fn: () => T) => T

/** Runs in a span, and calls `look` once where that span should still be current. What it returns is closed after. */
type Scenario = (look: () => void, elsewhere: Elsewhere) => unknown

/** What AsyncLocalStorage carries by itself. */
const byItself: Record<string, Scenario> = {
  setTimeout: (look) => setTimeout(look, 1),
  setInterval(look) {
    const timer = setInterval(() => (clearInterval(timer), look()), 1)
  },
  setImmediate: (look) => setImmediate(look),
  nextTick: (look) => process.nextTick(look),
  queueMicrotask: (look) => queueMicrotask(look),
  'timers/promises setTimeout': (look) => sleep(1).then(look),
  'timers/promises setInterval': async (look) => {
    for await (const _ of every(1)) return look()
  },
  'timers/promises scheduler': (look) => scheduler.yield().then(look),
  'a promise': (look) => Promise.resolve().then(look),
  'async and await': async (look) => {
    await Promise.resolve()
    await new Promise(setImmediate)
    look()
  },
  'Promise.all, race and any': async (look) => {
    const both = [sleep(1), sleep(2)]
    await Promise.all([...both, Promise.race(both), Promise.any(both)])
    look()
  },
  'a rejection that is caught': (look) => Promise.reject(new Error('expected')).catch(look),
  'a promise that is settled elsewhere': async (look, elsewhere) => {
    let settle!: () => void
    const promise = new Promise<void>((resolve) => (settle = resolve))
    elsewhere(() => setImmediate(() => settle()))
    await promise
    look()
  },
  'a promise made elsewhere': async (look, elsewhere) => {
    await elsewhere(() => sleep(1))
    look()
  },
  'a thenable': async (look) => {
    await { then: (resolve: () => void) => setImmediate(resolve) }
    look()
  },
  'an async generator': async (look) => {
    async function* steps() {
      yield await sleep(1, 'step')
    }
    for await (const _ of steps()) look()
  },
  'promisify and callbackify': (look) => {
    const slow = promisify((done: () => void) => setTimeout(done, 1))
    callbackify(slow)(look)
  },
  'AsyncResource.bind': (look, elsewhere) => {
    const bound = AsyncResource.bind(look)
    elsewhere(() => setImmediate(bound))
  },
  'dynamic import': (look) => import('node:fs').then(look),
  'an emitter that emits in the scope': (look) => void new EventEmitter().on('event', look).emit('event'),
  'events.once, emitted elsewhere': async (look, elsewhere) => {
    const emitter = new EventEmitter()
    elsewhere(() => setImmediate(() => emitter.emit('event')))
    await once(emitter, 'event')
    look()
  },
  'events.on, emitted elsewhere': async (look, elsewhere) => {
    const emitter = new EventEmitter()
    elsewhere(() => setImmediate(() => emitter.emit('event')))
    for await (const _ of on(emitter, 'event')) return look()
  },
  'pipeline and finished': (look) => {
    const end = pipeline(Readable.from(['a']), new PassThrough(), (error) => assert.ifError(error))
    finished(end.resume(), look)
  },
  'a transform': (look) => {
    const transform = new Transform({ transform: (_chunk, _encoding, done) => done(null, 'b') })
    Readable.from(['a']).pipe(transform).once('data', look)
  },
  'for await over a stream': async (look) => {
    for await (const _ of createReadStream(file)) return look()
  },
  'lines of a stream': async (look) => {
    for await (const _ of createInterface({ input: Readable.from(['a\n']) })) look()
  },
  'web streams': async (look) => {
    await new Response('body').body!.getReader().read()
    look()
  },
  'fs with a callback': (look) => readFile(file, look),
  'fs with a promise': (look) => files.readFile(file).then(look),
  'dns.lookup': (look) => lookup('127.0.0.1', look),
  'zlib and crypto': (look) => gzip('a', () => randomBytes(8, () => pbkdf2('a', 'b', 1, 8, 'sha256', look))),
  'a child process': (look) => execFile(process.execPath, ['--version'], look),
  'a worker that was started in the scope': (look) =>
    new Worker('require("worker_threads").parentPort.postMessage(1)', { eval: true }).once('message', look),
  'a port that was opened in the scope': (look) => {
    const { port1, port2 } = new MessageChannel()
    port1.once('message', () => (look(), port1.close()))
    port2.postMessage(1)
  },
  'a socket that was opened in the scope': async (look) => {
    await using server = await echoing()
    const socket = connect(server.port, '127.0.0.1').once('data', look)
    socket.write('a')
    await once(socket, 'data')
    await once(socket.end(), 'close')
  },
  'a datagram': async (look) => {
    const socket = createSocket('udp4').once('message', look)
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    socket.send('a', socket.address().port, '127.0.0.1')
    await once(socket, 'message')
    socket.close()
  },
  'fetch over a connection that was opened elsewhere': async (look, elsewhere) => {
    await using server = await answering((_req, res) => res.end('a'))
    await elsewhere(async () => (await fetch(server.url)).text())
    await (await fetch(server.url)).text()
    look()
  },
  'the response of a kept connection that was opened elsewhere': async (look, elsewhere) => {
    await using server = await answering((_req, res) => res.end('a'))
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const ask = (done: () => void) =>
      new Promise<void>((resolve) => {
        http.get(server.url, { agent }, (res) => {
          done()
          res.resume().on('close', resolve)
        })
      })
    await elsewhere(() => ask(() => {}))
    await ask(look)
    agent.destroy()
  },
}

/** What it takes a word for: whoever emits or calls back does so in a scope of its own. */
const byBinding: Record<string, Scenario> = {
  'a listener added in the scope, of an emitter that emits elsewhere: bindEmitter': (look, elsewhere) => {
    const emitter = dataManager.bindEmitter(new EventEmitter())
    emitter.on('event', look)
    elsewhere(() => emitter.emit('event'))
  },
  'a queue or pool of callbacks that somebody else drains: bind': (look, elsewhere) => {
    const waiting: (() => void)[] = []
    waiting.push(dataManager.bind(look))
    elsewhere(() => setImmediate(() => waiting.shift()!()))
  },
  'the messages of a worker that was started elsewhere: bindEmitter': (look, elsewhere) => {
    const echo =
      'const { parentPort } = require("worker_threads"); parentPort.once("message", (m) => parentPort.postMessage(m))'
    const worker = elsewhere(() => dataManager.bindEmitter(new Worker(echo, { eval: true })))
    worker.once('message', look)
    worker.postMessage(1)
  },
  'a listener of an abort that happens elsewhere: bind': (look, elsewhere) => {
    const aborting = new AbortController()
    aborting.signal.addEventListener('abort', dataManager.bind(look))
    elsewhere(() => aborting.abort())
  },
  'the data of a pooled socket that was opened elsewhere: bindEmitter': async (look, elsewhere) => {
    await using server = await echoing()
    const socket = elsewhere(() => dataManager.bindEmitter(connect(server.port, '127.0.0.1')))
    await elsewhere(() => once(socket, 'connect'))
    socket.once('data', look)
    socket.write('a')
    await once(socket, 'data')
    await once(socket.end(), 'close')
  },
}

describe('the current span is there', () => {
  afterEach(() => test.assertClean())

  const scenarios = { ...byItself, ...byBinding }
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(name, async () => {
      const [span, other] = [tracer.newTrace(undefined), tracer.newTrace(undefined)]
      const elsewhere: Elsewhere = (fn) => dataManager.run(other, fn)
      const seen = await new Promise<Span | undefined>((resolve, reject) => {
        const run = async () => scenario(() => resolve(dataManager.current), elsewhere)
        dataManager.run(span, () => void run().catch(reject))
      })
      assert.equal(seen, span)
      assert.equal(dataManager.current, undefined)
      span.finish()
      other.finish()
      await test.take(2)
    })
  }

  it("in every listener of a request's and response's: they are bound with the server", async () => {
    const uninstall = nodeHttpServer.install(test.tracing)
    const seen: (Span | undefined)[] = []
    let span: Span | undefined
    const look = () => void seen.push(dataManager.current)
    await using server = await answering((req, res) => {
      span = dataManager.current
      req
        .resume()
        .on('end', () => (look(), res.end('a')))
        .on('close', look)
      res.on('finish', look).on('close', look)
    })
    await (await fetch(server.url, { method: 'POST', body: 'a' })).text()
    await test.take(1)
    uninstall()
    assert.ok(span)
    assert.deepEqual(seen, [span, span, span, span])
  })

  it('which is forty-four ways, all of them', () => {
    assert.equal(Object.keys(byItself).length + Object.keys(byBinding).length + 1, 44)
  })
})

interface Listening extends AsyncDisposable {
  readonly port: number
  readonly url: string
}

async function answering(answer: http.RequestListener): Promise<Listening> {
  return listening(http.createServer(answer))
}

async function echoing(): Promise<Listening> {
  return listening(createServer((socket: Socket) => socket.pipe(socket)))
}

async function listening(
  server: ReturnType<typeof createServer> & { closeAllConnections?: () => void },
): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections?.()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
