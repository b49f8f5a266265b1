import { createRequire } from 'node:module'
import { Writable } from 'node:stream'
import * as v7 from 'undici'
import type { Tracing } from 'tdist'
import { traceFetch, traceUndici, undici } from 'tdist/undici'
import { httpClientSuite, type TracedClient } from '../../suites/http-client.js'

type Undici = typeof v7
type Send = (lib: Undici, dispatcher: v7.Dispatcher, url: string, init: Init) => Promise<number>
type Init = { method?: string; body?: string }

const require = createRequire(import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
const versions: Record<string, Undici> = {
  undici6: require('undici6') as Undici,
  undici7: v7,
  ...((major > 22 || (major === 22 && minor >= 19)) && { undici8: require('undici8') as Undici }),
}

const apis: Record<string, Send> = {
  async request(_lib, dispatcher, url, { method = 'GET', body }) {
    const { origin, pathname, search } = new URL(url)
    const response = await dispatcher.request({
      origin,
      path: pathname + search,
      method: method as 'GET',
      ...(body && { body }),
    })
    const { location } = response.headers
    await response.body.dump()
    return location ? apis['request']!(_lib, dispatcher, String(location), {}) : response.statusCode
  },
  async stream(_lib, dispatcher, url, { method = 'GET', body }) {
    const { origin, pathname, search } = new URL(url)
    let status = 0
    let location: unknown
    await dispatcher.stream(
      { origin, path: pathname + search, method: method as 'GET', ...(body && { body }) },
      ({ statusCode, headers }) => {
        status = statusCode
        ;({ location } = headers as Record<string, unknown>)
        return new Writable({ write: (_chunk, _encoding, done) => done() })
      },
    )
    return location ? apis['stream']!(_lib, dispatcher, location as string, {}) : status
  },
  async fetch(lib, dispatcher, url, init) {
    const response = await lib.fetch(url, { ...init, dispatcher })
    await response.text()
    return response.status
  },
}

const makers: Record<string, (lib: Undici, origin: string, bounded: boolean) => v7.Dispatcher> = {
  Agent: (lib, _origin, bounded) => new lib.Agent(bounded ? { connections: 1, pipelining: 1 } : {}),
  Pool: (lib, origin, bounded) => new lib.Pool(origin, bounded ? { connections: 1, pipelining: 1 } : {}),
  Client: (lib, origin) => new lib.Client(origin),
}

/** The explicit way, the drop-in way, and both at once: how a dispatcher is traced, and the undo. */
const ways: Record<string, (tracing: Tracing, dispatcher: v7.Dispatcher) => [v7.Dispatcher, () => void]> = {
  explicit: (tracing, dispatcher) => [traceUndici(tracing, dispatcher), () => {}],
  'drop-in': (tracing, dispatcher) => [dispatcher, undici.install(tracing)],
  'both ways': (tracing, dispatcher) => [traceUndici(tracing, dispatcher), undici.install(tracing)],
}

for (const [version, lib] of Object.entries(versions)) {
  for (const [kind, make] of Object.entries(makers)) {
    for (const [way, trace] of Object.entries(ways)) {
      for (const [api, send] of Object.entries(apis)) {
        // Every api on an Agent; the other dispatchers differ in how they queue.
        if (kind !== 'Agent' && api === 'stream') continue
        const fetchWaits = api === 'fetch' && way === 'drop-in' && kind !== 'Client' && version !== 'undici8'
        httpClientSuite({
          name: `${version} ${kind} ${api}, ${way}`,
          create(tracing, origin, bounded) {
            const dispatcher = make(lib, origin, bounded)
            const [traced, undo] = trace(tracing, dispatcher)
            return {
              send: (url, init = {}) => send(lib, traced, url, init),
              async close() {
                await dispatcher.destroy()
                undo()
              },
            }
          },
          skip: {
            ...(fetchWaits && {
              usesParentFromInvocationTime:
                'up to undici 7 a fetch that waits for a bounded pool is shown to nobody until its turn comes',
            }),
          },
        })
      }
    }
  }
}

for (const [way, trace] of Object.entries({
  explicit: (tracing: Tracing) => [traceFetch(tracing, fetch), () => {}] as const,
  'drop-in': (tracing: Tracing) => [fetch, undici.install(tracing)] as const,
  'both ways': (tracing: Tracing) => [traceFetch(tracing, fetch), undici.install(tracing)] as const,
})) {
  httpClientSuite({
    name: `global fetch, ${way}`,
    create(tracing): TracedClient {
      const [traced, undo] = trace(tracing)
      return {
        async send(url, init) {
          const response = await traced(url, init)
          await response.text()
          return response.status
        },
        close: undo,
      }
    },
  })
}
