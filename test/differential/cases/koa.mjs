// Koa 3: middleware that calls out, throws, answers a stream; the call is below its request
import http from 'node:http'
import { Readable } from 'node:stream'
import Koa from 'koa'

export const nodes = 'every'
export const spans = `
SERVER GET {http.path=/items/7}
  CLIENT GET {http.path=/echo}
    ORIGIN GET /echo
SERVER GET {http.path=/broken, http.status_code=500, error=500}
SERVER GET {http.path=/teapot, http.status_code=418, error=418}
SERVER GET {http.path=/stream}
`
export async function run({ serve, ask, origin, tdist, tracing }) {
  const client = tdist ? tdist.traceHttpClient(tracing, http) : http
  const app = new Koa()
  app.on('error', (error) => console.log('error event:', error.message))
  app.use(async (ctx, next) => {
    await next()
    ctx.set('x-after', String(ctx.status))
  })
  app.use(async (ctx) => {
    if (ctx.path === '/broken') throw new Error('out of paper')
    if (ctx.path === '/teapot') ctx.throw(418, 'short and stout')
    if (ctx.path === '/stream') ctx.body = Readable.from(['one ', 'two'])
    else ctx.body = await new Promise((resolve) => client.get(`${origin}/echo?from=${ctx.path}`, resolve))
  })
  const server = http.createServer(app.callback())
  const url = await serve(tdist ? tdist.traceHttpServer(tracing, server) : server)
  for (const path of ['/items/7', '/broken', '/teapot', '/stream']) console.log(await ask(url + path))
}
