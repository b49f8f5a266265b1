import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import express from 'express'
import type { Kafka, KafkaMessage } from 'kafkajs'
import { request as undiciRequest } from 'undici'
import { nodeHttpClient, nodeHttpServer } from 'tdist'
import { express as dropInExpress } from 'tdist/express'
import { traceKafka } from 'tdist/kafkajs'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { traceThriftClient, traceProcessor } from 'tdist/thrift'
import { undici } from 'tdist/undici'
import { MemoryKafka } from '../../faults/memory-kafka.ts'
import { callThrift } from '../../faults/memory-thrift.ts'

/** What a host finds when it looks at an object in the ways that loggers do. */
interface Look {
  readonly keys: string[]
  /** Symbols that show, and what node:util shows of them. */
  readonly symbols: Record<string, string>
  /** What shows of ours at the listeners. */
  readonly listeners: string[]
  readonly json: string | undefined
  readonly clone: unknown
}

function look(object: object, isPlain = false): Look {
  // Node keeps on a socket what it was asked for.
  void (object as { remoteAddress?: string }).remoteAddress
  const own = Object.getOwnPropertySymbols(object).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(object, key),
  )
  const ours = own.filter((key) => key.description!.startsWith('tdist'))
  const events = (object as { _events?: Record<string, unknown> })._events ?? {}
  return {
    keys: Object.keys(object),
    symbols: Object.fromEntries(
      ours.map((key) => [key.description, inspect((object as Record<symbol, unknown>)[key])]),
    ),
    listeners: inspect(Object.values(events).flat()).match(/\[Symbol\(tdist/g) ?? [],
    // What has circles can be neither, traced or not.
    json: isPlain ? JSON.stringify(object) : undefined,
    clone: isPlain ? structuredClone(object) : undefined,
  }
}

/** Everything of a host's that a traced call touches, as the host sees it. */
async function looks(test: TestTracing | undefined): Promise<Record<string, Look>> {
  const seen: Record<string, Look> = {}
  const undos = test
    ? [nodeHttpServer, nodeHttpClient, dropInExpress, undici].map((one) => one.install(test.tracing))
    : []
  const app = express()
  const mounted = express.Router()
  mounted.get('/there', (request, response) => {
    request.on('end', () => {})
    response.once('finish', () => {})
    seen['request'] = look(request)
    seen['response'] = look(response)
    seen['socket'] = look(request.socket)
    response.on('finish', () => (seen['response, finished'] = look(response)))
    response.end('done')
  })
  app.use('/mounted', mounted)
  const server = http.createServer(app)
  server.on('upgrade', (_request, socket) => {
    seen['upgrade socket'] = look(socket)
    socket.end('HTTP/1.1 400 No\r\n\r\n')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new http.Agent({ keepAlive: true })
  const ask = async (name: string, options: http.RequestOptions): Promise<void> => {
    const request = http.get({ port, host: '127.0.0.1', agent, path: '/mounted/there', ...options })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    seen[`${name}, answered`] = look(response.on('end', () => {}))
    seen[name] = look(request)
    seen[`${name}’s socket`] = look(request.socket!)
    await once(response.resume(), 'close')
  }
  await ask('call', {})
  await ask('upgrade', { headers: { connection: 'upgrade', upgrade: 'x' } })
  seen['server'] = look(server)
  seen['agent'] = look(agent)

  const created = (message: unknown): void => {
    seen['undici’s request'] = look((message as { request: object }).request)
  }
  subscribe('undici:request:create', created)
  await (await undiciRequest(`http://127.0.0.1:${port}/mounted/there`)).body.dump()
  unsubscribe('undici:request:create', created)
  agent.destroy()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')

  const memory = new MemoryKafka() as unknown as Kafka
  const kafka = test ? traceKafka(test.tracing, memory) : memory
  const sent: object = { value: 'one', headers: { app: '1' } }
  const note = (message: KafkaMessage): void =>
    void (seen['message'] = look({ ...message, headers: {} }, true))
  await kafka.consumer({ groupId: 'a' }).run({ eachMessage: async ({ message }) => note(message) })
  await kafka.producer().send({ topic: 'a', messages: [sent as KafkaMessage] })
  seen['message, sent'] = look(sent, true)

  await callThrift(
    {
      thriftConnection(connection) {
        const traced = test ? traceThriftClient(test.tracing, connection as never) : connection
        seen['Thrift connection'] = look(traced)
        return traced as typeof connection
      },
      thriftProcessor(processor) {
        const traced = test ? traceProcessor(test.tracing, processor as never) : processor
        seen['Thrift processor'] = look(processor)
        return traced as typeof processor
      },
    },
    () => 1,
  )
  for (const undo of undos) undo()
  return seen
}

describe('what a host sees of its own objects', () => {
  it('is what it sees untraced, and where a request is logged one word', async () => {
    const untraced = await looks(undefined)
    const test = createTestTracing()
    const traced = await looks(test)
    await test.take(test.spans.length)
    assert.deepEqual(Object.keys(traced), Object.keys(untraced))
    for (const [name, seen] of Object.entries(traced)) {
      const symbol = { request: 'tdist.httpCall', 'undici’s request': 'tdist.call' }[name]
      assert.deepEqual(seen, { ...untraced[name], symbols: symbol ? { [symbol]: 'tdist' } : {} }, name)
    }
  })
})
