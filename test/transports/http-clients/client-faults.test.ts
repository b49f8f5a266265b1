import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, describe, it } from 'node:test'
import axios from 'axios'
import { Agent } from 'undici'
import type { SpanHandler, Tracing, TracingOptions } from 'tdist'
import { traceAxios } from 'tdist/axios'
import { createTestTracing } from 'tdist/testing'
import { traceFetch, traceUndici, undici } from 'tdist/undici'
import { nodeHttpClient, traceHttpClient } from 'tdist'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'

type Call = (url: string) => Promise<number>
type Client = (tracing: Tracing) => [Call, () => void]

const byHttp = (module: { get: typeof http.get }): Call => {
  return (url) =>
    new Promise((resolve, reject) => {
      const req = module.get(url, { headers: { expect: '100-continue' } }, (res) => {
        res.resume().on('end', () => resolve(res.statusCode!))
      })
      req.on('error', reject)
    })
}
const byFetch =
  (from: typeof fetch): Call =>
  async (url) => {
    const response = await from(url)
    await response.text()
    return response.status
  }
const byAgent =
  (agent: Agent): Call =>
  async (url) => {
    const { statusCode, body } = await agent.request({ origin: url, path: '/', method: 'GET' })
    await body.dump()
    return statusCode
  }
const closing = (agent: Agent) => () => void agent.close()

const clients: Record<string, Client> = {
  'node:http, explicit': (tracing) => [byHttp(traceHttpClient(tracing, http)), () => {}],
  'node:http, drop-in': (tracing) => [byHttp(http), nodeHttpClient.install(tracing)],
  'axios, explicit': (tracing) => {
    const traced = traceAxios(tracing, axios)
    return [async (url) => (await traced.get(url, { proxy: false })).status, () => {}]
  },
  'fetch, explicit': (tracing) => [byFetch(traceFetch(tracing, fetch)), () => {}],
  'fetch, drop-in': (tracing) => [byFetch(fetch), undici.install(tracing)],
  'undici, explicit': (tracing) => {
    const agent = new Agent()
    return [byAgent(traceUndici(tracing, agent)), closing(agent)]
  },
  'undici, drop-in': (tracing) => {
    const agent = new Agent()
    const undo = undici.install(tracing)
    return [byAgent(agent), () => [undo, closing(agent)].forEach((end) => end())]
  },
}

const broken = (): never => {
  throw new Error('a fault put in')
}
const faults: Record<string, { options?: Partial<TracingOptions>; spoil?: (tracing: Tracing) => void }> = {
  'a sampler rule': { options: { http: { client: { sampler: broken } } } },
  'a request rule': { options: { http: { client: { request: broken } } } },
  'a response rule': { options: { http: { client: { response: broken } } } },
  "a span handler's begin": { options: { spanHandler: { begin: broken } satisfies SpanHandler } },
  "a span handler's end": { options: { spanHandler: { end: broken } satisfies SpanHandler } },
  'the sampler': { options: { sampler: { isSampled: broken } } },
  propagation: {
    spoil: (tracing) => replace(tracing, 'propagation', { keys: [], inject: broken, extract: broken }),
  },
  'a header value that no library takes': {
    spoil: (tracing) => {
      const inject = (_context: unknown, carrier: never, set: (...args: unknown[]) => void) =>
        set(carrier, 'x-bad', 'a\r\nb: c')
      replace(tracing, 'propagation', { keys: [], inject, extract: broken })
    },
  },
  'the tracer': { spoil: (tracing) => replace(tracing.tracer, 'nextSpan', broken) },
}

function replace(owner: object, name: string, value: unknown): void {
  Object.defineProperty(owner, name, { value })
}

describe('a fault in tracing', () => {
  let server: AnsweringServer
  before(async () => {
    server = await answeringServer()
  })
  after(() => server.close())

  for (const [client, make] of Object.entries(clients)) {
    for (const [fault, { options, spoil }] of Object.entries(faults)) {
      it(`in ${fault} leaves a call by ${client} as it is, made once, and is counted`, async () => {
        const { tracing } = createTestTracing(options)
        spoil?.(tracing)
        const [call, undo] = make(tracing)
        server.requests.length = 0
        assert.equal(await call(server.origin), 200)
        undo()
        assert.equal(server.requests.length, 1)
        assert.equal(server.requests[0]!.headers['b'], undefined)
        if (fault !== 'the sampler') assert.ok(Object.keys(tracing.faults).length > 0, 'counted')
      })
    }
  }
})
