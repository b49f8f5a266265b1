// node:http: every emitter has the listeners that it has untraced, and to take them all away loses no span
import { once } from 'node:events'
import http, { createServer } from 'node:http'

export const nodes = 'every'
export const spans = `
SERVER GET {http.path=/counted}
SERVER GET {http.path=/taken}
CLIENT GET {http.path=/counted}
  ORIGIN GET /counted
CLIENT GET {http.path=/taken}
  ORIGIN GET /taken
`
export async function run({ serve, ask, origin, listeners, tdist, tracing }) {
  const { get } = tdist ? tdist.traceHttpClient(tracing, http) : http
  const server = createServer((request, response) => {
    const all = [request, response, request.socket]
    console.log(listeners(server), ...all.map(listeners))
    for (let i = 0; i < 9; i++) for (const one of all) one.on('close', () => {})
    console.log(...all.map(listeners))
    if (request.url === '/taken') for (const event of ['close', 'error']) response.removeAllListeners(event)
    response.end('done')
  })
  const url = await serve(tdist ? tdist.traceHttpServer(tracing, server) : server)
  for (const path of ['/counted', '/taken']) {
    console.log(await ask(url + path))
    const request = get(origin + path)
    const [response] = await once(request, 'response')
    for (let i = 0; i < 8; i++) for (const one of [request, response]) one.on('close', () => {})
    console.log(listeners(request), listeners(response))
    if (path === '/taken') request.removeAllListeners()
    console.log(String(response.statusCode))
    await once(response.resume(), 'end')
  }
}
