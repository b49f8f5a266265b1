import { EventEmitter } from 'node:events'
import http, { type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import axios, { type AxiosInstance } from 'axios'
import express, { type RequestHandler } from 'express'
import type { Kafka, KafkaMessage } from 'kafkajs'
import { Agent, request, type Dispatcher } from 'undici'
import { MemoryKafka } from './memory-kafka.ts'
import { callThrift, type ThriftWays } from './memory-thrift.ts'

/** Where a service and its tracing touch; untraced, each does what it would do anyway. */
export interface Ways extends ThriftWays {
  readonly middleware: RequestHandler
  readonly axios: AxiosInstance
  readonly dispatcher: Dispatcher
  readonly fetch: typeof fetch
  readonly http: { readonly get: typeof http.get }
  readonly trace: <T>(name: string, fn: () => T) => T
  readonly wrap: <F extends (...args: never[]) => unknown>(name: string, fn: F) => F
  readonly bind: <F extends (...args: never[]) => unknown>(fn: F) => F
  readonly bindEmitter: (emitter: EventEmitter) => EventEmitter
  readonly kafka: (client: Kafka, carrier: 'headers' | 'payload') => Kafka
  readonly serializer: <F extends (...args: never[]) => unknown>(fn: F) => F
  readonly deserializer: <F extends (...args: never[]) => unknown>(fn: F) => F
  readonly runWithMessage: <T>(message: object, name: string, fn: () => T) => T
  /** Reads the current span and its IDs, tags it, and asks for metrics. */
  readonly look: () => void
}

const agent = new Agent()

const UNTRACED: Ways = {
  middleware: (_request, _response, next) => next(),
  axios,
  dispatcher: agent,
  fetch: (...args) => fetch(...args),
  http,
  trace: (_name, fn) => fn(),
  wrap: (_name, fn) => fn,
  bind: (fn) => fn,
  bindEmitter: (emitter) => emitter,
  kafka: (client) => client,
  serializer: (fn) => fn,
  deserializer: (fn) => fn,
  runWithMessage: (_message, _name, fn) => fn(),
  thriftConnection: (connection) => connection,
  thriftProcessor: (processor) => processor,
  look: () => {},
}

/**
 * A service that does a little of everything, and never the same with a response changed. Its responses tell how
 * often its functions have run.
 */
export function makeService(given: Partial<Ways>): Server {
  const ways = { ...UNTRACED, ...given }
  let ran = 0
  const app = express()
  app.use(ways.middleware)
  app.get('/items/:id', async (req, res) => {
    const id = await ways.trace('find', async () => {
      ran++
      await new Promise(setImmediate)
      return req.params.id
    })
    const twice = ways.trace('twice', () => {
      ran++
      return Number(id) * 2
    })
    res.json({ id, twice, ran })
  })
  app.get('/calls', async (_req, res) => {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const viaAxios = await ways.axios.get<object>(`${base}/items/1?secret=1`)
    const viaFetch = await ways.fetch(`${base}/items/2`, { headers: { accept: 'application/json' } })
    const viaUndici = await request(`${base}/items/3`, { dispatcher: ways.dispatcher })
    const viaHttp = await new Promise<string>((resolve, reject) => {
      const asked = ways.http.get(`${base}/items/4`, (answer) => {
        let text = ''
        answer.on('data', (data: Buffer) => (text += data.toString()))
        answer.on('end', () => resolve(text))
      })
      asked.on('error', reject)
    })
    const refused = await ways.axios.get('http://127.0.0.1:9/').catch((error: Error) => error.name)
    res.json([viaAxios.data, await viaFetch.json(), await viaUndici.body.json(), viaHttp, refused])
  })
  app.post('/echo', express.text(), (req, res) => {
    res
      .status(201)
      .set('x-length', String((req.body as string).length))
      .send(req.body)
  })
  const pages = express.Router()
  pages.get('/stream', (_req, res) => {
    res.write('one,')
    setImmediate(() => res.end('two'))
  })
  app.use('/pages', pages)
  app.get('/api', (_req, res) => {
    ways.look()
    const emitter = ways.bindEmitter(new EventEmitter())
    emitter.once('said', () => ran++)
    emitter.on('said', (said: string) => {
      ran++
      setImmediate(
        ways.bind(() => {
          ways.look()
          res.set('x-ran', String(++ran)).send(said)
        }),
      )
    })
    const join = ways.wrap('join', (a: string, b: string) => {
      ran++
      return a + b
    })
    emitter.emit('said', join('by', 'e'))
  })
  app.get('/messages/:carrier', async (req, res) => {
    const client = new MemoryKafka() as unknown as Kafka
    const kafka = ways.kafka(client, req.params.carrier as 'headers' | 'payload')
    const seen: unknown[] = []
    const handle = (message: KafkaMessage): void => {
      ran++
      const { value, headers } = message
      const step = ways.runWithMessage(message, 'step', () => ++ran)
      seen.push([value?.toString('latin1'), String(headers?.['app']), step])
    }
    await kafka.consumer({ groupId: 'each' }).run({ eachMessage: async ({ message }) => handle(message) })
    await kafka
      .consumer({ groupId: 'batch' })
      .run({ eachBatch: async ({ batch }) => batch.messages.forEach(handle) })
    const producer = kafka.producer()
    const messages = [{ value: 'one', headers: { app: '1', b3: '0' } }, { value: 'two' }, { value: null }]
    const results = [
      await producer.send({ topic: 'orders', messages }),
      await producer.sendBatch({ topicMessages: [{ topic: 'bills', messages }] }),
      await (await producer.transaction()).send({ topic: 'orders', messages }),
      await producer.send({ topic: 'refused', messages }).catch((error: Error) => error.message),
      await producer
        .send({ topic: 'orders', messages: null as never })
        .catch((error: Error) => error.message),
    ]
    const decode = ways.deserializer((bytes: Buffer) => ({ text: String(bytes) }))
    const encode = ways.serializer((text: string) => Buffer.from(text))
    const decoded = decode(encode('three'))
    res.json([results, seen, decoded, ways.runWithMessage(decoded, 'step', () => ++ran)])
  })
  app.get('/thrift', async (_req, res) => {
    res.json([await callThrift(ways, () => ++ran), ran])
  })
  app.get('/broken', () =>
    ways.trace('break', () => Promise.reject(new Error(`out of paper ${String(++ran)}`))),
  )
  app.get('/torn', () =>
    ways.trace('tear', () => {
      throw new Error(`out of ink ${String(++ran)}`)
    }),
  )
  app.use(((error: Error, _req, res, _next) => {
    res.status(500).send(error.message)
  }) as express.ErrorRequestHandler)
  const server = http.createServer(app)
  server.on('upgrade', (_request, socket: Socket) => {
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nx-ran: ${String(++ran)}\r\n\r\n`)
  })
  return server
}

const B3 = 'x-b3-traceid: 463ac35c9f6413ad\r\nx-b3-spanid: a2fb4a1d1a96d312\r\nx-b3-sampled: 1'
const W3C =
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=1,b=2\r\nuser: ann'

/** What is asked of it. */
export const REQUESTS: readonly { title: string; head: string; body?: string }[] = [
  { title: 'a route', head: 'GET /items/7?q=1 HTTP/1.1\r\nx-forwarded-for: 10.0.0.1' },
  { title: 'joined by B3', head: `GET /items/8 HTTP/1.1\r\n${B3}` },
  { title: 'single B3', head: `GET /items/9 HTTP/1.1\r\nb3: 463ac35c9f6413ad-a2fb4a1d1a96d312-1` },
  { title: 'not sampled', head: 'GET /items/9 HTTP/1.1\r\nb3: 0' },
  { title: 'calls', head: `GET /calls HTTP/1.1\r\n${W3C}` },
  { title: 'messages', head: `GET /messages/headers HTTP/1.1\r\n${W3C}` },
  { title: 'messages by payload', head: 'GET /messages/payload HTTP/1.1' },
  { title: 'Thrift', head: `GET /thrift HTTP/1.1\r\n${W3C}` },
  { title: 'a body', head: 'POST /echo HTTP/1.1\r\ncontent-type: text/plain', body: 'hello' },
  { title: 'a stream', head: 'GET /pages/stream HTTP/1.1' },
  { title: 'tracing by hand', head: 'GET /api HTTP/1.1' },
  { title: 'an error', head: 'GET /broken HTTP/1.1' },
  { title: 'an error at once', head: 'GET /torn HTTP/1.1' },
  { title: 'an upgrade', head: 'GET /chat HTTP/1.1\r\nconnection: upgrade\r\nupgrade: echo' },
  { title: 'no route', head: 'GET /nowhere HTTP/1.1' },
  { title: 'head', head: 'HEAD /items/1 HTTP/1.1' },
]
