// Express behind serverless-http, and asked by light-my-request: what no server made is no error either
import express from 'express'
import inject from 'light-my-request'
import serverless from 'serverless-http'

export const nodes = '22+'
export const byHand = `
SERVER GET /items/:id {http.path=/items/7}
SERVER GET not_found {http.status_code=404, error=404}
SERVER GET /items/:id {http.path=/items/8}
SERVER GET redirected {http.status_code=302}
SERVER GET /stream
`
export async function run({ tdist, tracing }) {
  const app = express().disable('x-powered-by')
  if (tdist) app.use(tdist.traceExpress(tracing))
  app.get('/items/:id', (req, res) => void res.json(req.params))
  app.get('/stream', (_req, res) => {
    res.write('one,')
    setImmediate(() => res.end('two'))
  })
  app.use('/old', (_req, res) => res.redirect('/new'))
  const handler = serverless(app)
  for (const path of ['/items/7', '/nowhere']) {
    console.log(await handler({ httpMethod: 'GET', path, headers: {}, requestContext: {} }, {}))
  }
  for (const url of ['/items/8', '/old', '/stream']) {
    const { statusCode, payload } = await inject(app, { url })
    console.log(statusCode, payload)
  }
}
