// node:http: who gives up a response or an event stream has made no error, and without routes 404 and 302 are no names
import { once } from 'node:events'
import http, { createServer } from 'node:http'

export const nodes = 'every'
export const spans = `
SERVER GET {http.path=/news, @response abandoned}
SERVER GET {http.path=/old, http.status_code=302}
SERVER GET {http.path=/nowhere, http.status_code=404, error=404}
CLIENT GET {http.path=/stall, @response abandoned}
  ORIGIN GET /stall
CLIENT GET {http.path=/stall, @response abandoned}
  ORIGIN GET /stall
CLIENT GET {http.path=/status, http.status_code=404, error=404}
  ORIGIN GET /status
`
export async function run({ serve, ask, origin, tdist, tracing }) {
  const { get } = tdist ? tdist.traceHttpClient(tracing, http) : http
  const server = createServer((request, response) => {
    if (request.url !== '/news') return void response.writeHead(request.url === '/old' ? 302 : 404).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
    response.on('close', () => console.log('left'))
  })
  const url = await serve(tdist ? tdist.traceHttpServer(tracing, server) : server)
  await ask(`${url}/news`, { abortAfter: 'data: 1' })
  for (const path of ['/old', '/nowhere']) console.log(await ask(url + path))
  for (const giveUp of ['request', 'response']) {
    const request = get(`${origin}/stall`)
    const [response] = await once(request, 'response')
    const closed = once(request, 'close')
    ;({ request, response })[giveUp].on('error', ({ message }) => console.log(message)).destroy()
    await closed
  }
  const [missing] = await once(get(`${origin}/status?code=404`), 'response')
  for await (const _ of missing);
}
