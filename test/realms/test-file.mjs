// What a test file of a service does, in a realm of its own. All that it says is text: nothing of the realm gets out.
import axios from 'axios'
import http from 'node:http'
import https from 'node:https'
import { nodeHttpClient, nodeHttpServer, traceFetch, traceHttpClient, traceHttpServer, traced } from 'tdist'
import { traceAxios } from 'tdist/axios'
import { createTestTracing } from 'tdist/testing'

const test = createTestTracing({ serviceName: globalThis.fileName })
const { tracing } = test
const { tracer, dataManager } = tracing
const uninstalls = []

/** The spans of a call by each explicit way, and whether listeners see the span they were added in. */
export async function explicit({ byFetch = true } = {}) {
  const seen = []
  const see = (what, span) => seen.push(`${what} ${span !== undefined && tracer.currentSpan === span}`)
  const server = http.createServer((request, response) => {
    const span = tracer.currentSpan
    request.on('end', () => see('request end', span))
    response.once('finish', () => see('response finish', span))
    request.resume()
    response.end('answer')
  })
  traceHttpServer(tracing, server)
  const url = await listening(server)
  const ways = {
    'axios by http': () => traceAxios(tracing, axios.create({ adapter: 'http' })).get(url),
    'axios by fetch': () => traceAxios(tracing, axios.create({ adapter: 'fetch' })).get(url),
    fetch: async () => (await traceFetch(tracing, fetch)(url)).text(),
    'node:http': () => byHttp(traceHttpClient(tracing, http), url, see),
  }
  const lines = []
  for (const [name, call] of Object.entries(ways)) {
    if (name.includes('fetch') && !byFetch) continue
    await tracer.trace(name, call)
    lines.push(...described(await test.take(3)))
  }
  await closed(server)
  test.assertClean()
  return [...lines, ...seen].join('\n')
}

/** The spans of a call to a server that others trace. */
export async function called() {
  const server = http.createServer((_request, response) => response.end('answer'))
  const url = await listening(server)
  await tracer.trace('axios by http', () => traceAxios(tracing, axios.create({ adapter: 'http' })).get(url))
  await closed(server)
  return described(await test.take(2)).join('\n')
}

/** The spans of plain calls, all of node:http's being traced. */
export async function installed({ undo = true } = {}) {
  uninstalls.push(nodeHttpServer.install(tracing), nodeHttpClient.install(tracing))
  const server = http.createServer((_request, response) => response.end('answer'))
  const url = await listening(server)
  await tracer.trace('node:http', () => byHttp(http, url))
  await closed(server)
  const lines = described(await test.take(3))
  if (undo) for (const uninstall of uninstalls.splice(0)) uninstall()
  test.assertClean()
  return lines.join('\n')
}

/** Calls and answers without any tracing of this file's, which others' may trace. */
export async function plain() {
  const server = http.createServer((_request, response) => response.end('answer'))
  const url = await listening(server)
  await byHttp(http, url)
  await (await fetch(url)).text()
  await closed(server)
  return String(test.spans.length)
}

/** As nock and its like do, which do not always take it back. */
export function wrapRequest() {
  for (const module of [http, https]) {
    const { request } = module
    module.request = function (...args) {
      wrapped++
      return request.apply(this, args)
    }
    unwraps.push(() => (module.request = request))
  }
}
const unwraps = []
let wrapped = 0

export function unwrapRequest() {
  for (const unwrap of unwraps.splice(0)) unwrap()
  return String(wrapped)
}

/** What those see of it who cannot be handed a tracing. */
export async function decorated() {
  class Service {
    work() {
      return tracer.currentSpan !== undefined
    }
  }
  const method = Object.getOwnPropertyDescriptor(Service.prototype, 'work')
  traced()(Service.prototype, 'work', method)
  Object.defineProperty(Service.prototype, 'work', method)
  const isCurrent = new Service().work()
  return `${described(await test.take(1)).join()} ${isCurrent}`
}

/** How a promise and its rejection come out of a span. */
export async function settled() {
  const promise = Promise.resolve('value')
  const error = new RangeError('refused')
  const result = tracer.trace('resolved', () => promise)
  const rejection = tracer.trace('rejected', async () => {
    throw error
  })
  const is = await rejection.catch((reason) => reason === error)
  return `${result instanceof Promise} ${await result} ${is} ${described(await test.take(2)).join()}`
}

/** What a span says of an error that Node has made, in its own realm. */
export async function refused() {
  const failing = traceHttpClient(tracing, http).get('http://127.0.0.1:1')
  await new Promise((resolve) => failing.on('error', resolve))
  return described(await test.take(1)).join()
}

export const faults = () => JSON.stringify(tracing.faults)
export const isOutside = () => String(dataManager.current === undefined)
export const close = () => tracing.close()

function described(spans) {
  const ids = new Set(spans.map(({ traceId }) => traceId))
  const names = spans.map(({ kind = 'LOCAL', name, tags = {}, localEndpoint }) => {
    return `${localEndpoint.serviceName} ${kind} ${name}${tags.error ? ` failed: ${tags.error}` : ''}`
  })
  return [...names.sort(), `in ${ids.size} trace`]
}

function byHttp(client, url, see = () => {}) {
  return new Promise((resolve, reject) => {
    const span = tracer.currentSpan
    client
      .get(url, { agent: false }, (response) => {
        response.on('end', () => (see('response end', span), resolve()))
        response.resume()
      })
      .on('error', reject)
  })
}

async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${server.address().port}/`
}

/** The pools of axios and fetch keep connections. */
async function closed(server) {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
