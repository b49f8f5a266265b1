// Express 5: routes, a router, an error; the call of a handler is below it
import express from 'express'

export const nodes = 'every'
export const spans = `
SERVER GET /shop/items/:id {http.route=/shop/items/:id, http.path=/shop/items/7}
  CLIENT POST
    ORIGIN POST /echo
SERVER GET /broken {http.status_code=500, error=out of paper}
SERVER GET not_found {http.status_code=404, error=404}
`
export async function run({ serve, ask, origin, tdist, tracing }) {
  const call = tdist ? tdist.traceFetch(tracing, fetch) : fetch
  const app = express()
  if (tdist) app.use(tdist.traceExpress(tracing))
  const shop = express.Router().get('/items/:id', async (req, res) => {
    const below = await call(`${origin}/echo`, { method: 'POST', body: req.params.id })
    res.json(await below.json())
  })
  app.use('/shop', shop)
  app.get('/broken', () => {
    throw new Error('out of paper')
  })
  const url = await serve(app)
  for (const path of ['/shop/items/7', '/broken', '/nowhere']) console.log(await ask(url + path))
}
