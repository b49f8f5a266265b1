import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import axios from 'axios'
import fc from 'fast-check'
import * as v7 from 'undici'
import { traceHttpClient, type HttpModule } from 'tdist'
import { traceAxios } from 'tdist/axios'
import { createTestTracing } from 'tdist/testing'
import { traceFetch, traceUndici } from 'tdist/undici'
import { byteServer, untraced, type ByteServer } from '../../support/byte-server.js'
import { LIST_FORMS, OBJECT_FORMS } from '../../support/object-forms.js'

type Undici = typeof v7
/** A client, and what makes one call by it. */
interface Carrier {
  readonly clients: () => { readonly plain: unknown; readonly traced: unknown; readonly undo?: () => void }
  readonly call: (client: never, made: Made) => Promise<unknown>
}
/** What one call is made with, anew for each: what the caller gave must come out as it went in. */
interface Made {
  readonly options: object
  readonly headers: unknown
}

const { tracing } = createTestTracing()
const v6 = createRequire(import.meta.url)('undici6') as Undici
const settings = { pipelining: 0, keepAliveTimeout: 1 } as const
let server: ByteServer

const nodes = async (module: HttpModule, { options }: Made): Promise<unknown> => {
  const req = module.request(options)
  req.end()
  const [response] = (await once(req, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'close')
  return response.statusCode
}
const dispatchers = (lib: Undici, compose: (agent: v7.Dispatcher) => v7.Dispatcher): Carrier['clients'] => {
  return () => {
    const plain = compose(new lib.Agent(settings))
    return { plain, traced: traceUndici(tracing, plain) }
  }
}
const requested = async (dispatcher: v7.Dispatcher, { options }: Made): Promise<unknown> => {
  const { statusCode, body } = await dispatcher.request(options as v7.Dispatcher.RequestOptions)
  await body.dump()
  return statusCode
}
const dispatched = (dispatcher: v7.Dispatcher, { options }: Made): Promise<unknown> =>
  new Promise((resolve, reject) => {
    let status: number
    dispatcher.dispatch(options as v7.Dispatcher.DispatchOptions, {
      onConnect() {},
      onHeaders(code: number) {
        status = code
        return true
      },
      onData: () => true,
      onComplete: () => resolve(status),
      onError: reject,
    })
  })

const CARRIERS: Record<string, Carrier> = {
  'node:http': {
    clients: () => ({ plain: http, traced: traceHttpClient(tracing, http) }),
    call: nodes,
  },
  'undici’s request': { clients: dispatchers(v7, (agent) => agent), call: requested },
  'undici’s dispatch': { clients: dispatchers(v7, (agent) => agent), call: dispatched },
  'undici 6’s dispatch': { clients: dispatchers(v6, (agent) => agent), call: dispatched },
  'a dispatcher with interceptors': {
    clients: dispatchers(v7, (agent) =>
      agent.compose(
        v7.interceptors.redirect({ maxRedirections: 1 }),
        v7.interceptors.retry({ maxRetries: 0 }),
      ),
    ),
    call: dispatched,
  },
  'a dispatcher with an interceptor that spreads': {
    clients: dispatchers(v7, (agent) =>
      agent.compose((next) => (options, handler) => next({ ...options, blocking: true }, handler)),
    ),
    call: dispatched,
  },
  'a dispatcher with a cache': {
    clients: dispatchers(v7, (agent) => agent.compose(v7.interceptors.cache())),
    call: dispatched,
  },
  fetch: {
    clients: () => ({ plain: fetch, traced: traceFetch(tracing, fetch) }),
    call: async (client: typeof fetch, { options }) => {
      const { path, ...init } = options as RequestInit & { path: string }
      void init
      const response = await client(server.origin + String(path ?? '/'), options)
      await response.text()
      return response.status
    },
  },
  axios: {
    clients: () => {
      const plain = axios.create({ proxy: false, baseURL: server.origin })
      return { plain, traced: traceAxios(tracing, plain) }
    },
    call: async (client: typeof axios, { options }) => (await client(options as never)).status,
  },
}

const HEADERS = fc.dictionary(
  fc.constantFrom('accept', 'X-One', 'x-two', 'x-b3-traceid', 'B3', 'Expect', '__proto__', 'x-three'),
  fc.constantFrom('a', 'b c', '100-continue', '1'),
  { noNullPrototype: true },
)
const HEADER_FORMS: Record<string, (headers: Record<string, string>) => unknown> = {
  ...OBJECT_FORMS,
  undefined: () => undefined,
  null: () => null,
  'flat list': (headers) => Object.entries(headers).flat(),
  'odd list': (headers) => [...Object.entries(headers).flat(), 'odd'],
  pairs: (headers) => Object.entries(headers),
  Headers: (headers) => new Headers(Object.entries(headers).filter(([name]) => name !== '__proto__')),
  Map: (headers) => new Map(Object.entries(headers)),
  iterator: (headers) => Object.entries(headers).values(),
  text: () => 'x-one: a',
  ...Object.fromEntries(
    Object.entries(LIST_FORMS).flatMap(([form, make]) => [
      [`list, ${form}`, (headers: Record<string, string>) => make(Object.entries(headers).flat())],
      [`list of pairs, ${form}`, (headers: Record<string, string>) => make(Object.entries(headers))],
    ]),
  ),
}

async function outcome(carrier: Carrier, client: unknown, made: Made): Promise<unknown> {
  try {
    return await carrier.call(client as never, made)
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string }
    return { name, message, code }
  }
}

function optionsOf(headers: unknown) {
  const { origin, port } = server
  const host = '127.0.0.1'
  return { path: '/path', method: 'GET', origin, host, port, url: '/path', agent: false, headers }
}

function counting(properties: object, calls: string[]): object {
  const getters = Object.entries(properties).map(([name, value]): [string, PropertyDescriptor] => {
    const get = (): unknown => (calls.push(name), value)
    return [name, { configurable: true, enumerable: true, get }]
  })
  return Object.defineProperties({}, Object.fromEntries(getters))
}

/** What the caller gave, as it is after the call. */
function stateOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return {
    own: Object.getOwnPropertyDescriptors(value),
    extensible: Object.isExtensible(value),
    prototype: Object.getPrototypeOf(value) as unknown,
  }
}

describe('what a client is given goes out as it does untraced', () => {
  before(async () => {
    server = await byteServer()
  })
  after(() => server.close())

  const tried = (carrier: Carrier) => async (form: string, headerForm: string, headers: object) => {
    const { plain, traced } = carrier.clients()
    const make = (): Made => {
      const given = HEADER_FORMS[headerForm]!(headers as Record<string, string>)
      return { options: OBJECT_FORMS[form]!(optionsOf(given)), headers: given }
    }
    const expected = await outcome(carrier, plain, make())
    const bytes = server.take().map(untraced)
    const made = make()
    const before = stateOf(made.headers)
    const optionsBefore = stateOf(made.options)
    assert.deepEqual(await outcome(carrier, traced, made), expected)
    assert.deepEqual(server.take().map(untraced), bytes)
    assert.deepEqual(stateOf(made.headers), before)
    assert.deepEqual(stateOf(made.options), optionsBefore)
    const faults = { ...tracing.faults }
    for (const where of Object.keys(faults)) delete tracing.faults[where]
    assert.deepEqual(faults, {})
  }

  for (const [name, carrier] of Object.entries(CARRIERS)) {
    it(`by ${name}, options in every form`, async () => {
      for (const form of Object.keys(OBJECT_FORMS)) {
        await tried(carrier)(form, 'plain', { 'X-One': 'a' })
      }
    })

    it(`by ${name}, headers in every form`, async () => {
      for (const form of Object.keys(HEADER_FORMS)) {
        await tried(carrier)('plain', form, { 'X-One': 'a', 'x-b3-traceid': 'mine', 'x-two': 'b' })
      }
    })

    it(`by ${name}, no getter is called more often than a copy calls it, or the client`, async () => {
      for (const inherited of [false, true]) {
        const { plain, traced } = carrier.clients()
        const [without, with_] = await Promise.all(
          [plain, traced].map(async (client) => {
            const calls: string[] = []
            const getters = counting(optionsOf({ 'X-One': 'a', Expect: '100-continue' }), calls)
            const options = (inherited ? Object.create(getters) : getters) as object
            await outcome(carrier, client, { options, headers: undefined })
            return calls
          }),
        )
        server.take()
        for (const getter of new Set(with_)) {
          const [before, now] = [without, with_].map((calls) => calls!.filter((one) => one === getter).length)
          // A plain object is copied, and with it what nobody reads.
          assert.ok(now! <= Math.max(before!, 1), `${getter}: ${now} times rather than ${before}`)
        }
        if (name === 'node:http') assert.deepEqual(with_, without)
      }
    })

    it(`by ${name}, in any`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...Object.keys(OBJECT_FORMS)),
          fc.constantFrom(...Object.keys(HEADER_FORMS)),
          HEADERS,
          tried(carrier),
        ),
        { numRuns: 40 },
      )
    })
  }
})
