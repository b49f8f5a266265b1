// Hono on node-server: routes, a stream, an error; fetch from a handler is below its request
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'

export const nodes = 'every'
export const spans = `
SERVER POST {http.path=/items/7}
  CLIENT POST {http.path=/echo}
    ORIGIN POST /echo
SERVER GET {http.path=/broken, http.status_code=500, error=500}
SERVER GET {http.path=/stream}
`
export async function run({ serve, ask, origin, tdist, tracing }) {
  const call = tdist ? tdist.traceFetch(tracing, fetch) : fetch
  const app = new Hono()
  app.post('/items/:id', async (c) => {
    const below = await call(`${origin}/echo?id=${c.req.param('id')}`, {
      method: 'POST',
      body: await c.req.text(),
    })
    return c.json(await below.json(), 201, { 'x-mine': 'yes' })
  })
  app.get('/broken', () => {
    throw new Error('out of paper')
  })
  app.get('/stream', (c) => stream(c, async (out) => void (await out.write('one '), await out.write('two'))))
  app.onError((error, c) => c.text(`failed: ${error.message}`, 500))
  const server = createAdaptorServer(app)
  const url = await serve(tdist ? tdist.traceHttpServer(tracing, server) : server)
  console.log(await ask(`${url}/items/7`, { method: 'POST', body: 'some body' }))
  console.log(await ask(`${url}/broken`))
  console.log(await ask(`${url}/stream`))
}
