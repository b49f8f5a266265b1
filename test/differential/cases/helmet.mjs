// helmet: its headers, in their order, on an answer, an error and a redirection
import express from 'express'
import helmet from 'helmet'

export const nodes = 'every'
export const spans = `
SERVER GET /page {http.path=/page}
SERVER GET /broken {http.status_code=500, error=out of paper}
SERVER GET /old {http.status_code=301}
`
export async function run({ serve, ask, tdist, tracing }) {
  const app = express()
  if (tdist) app.use(tdist.traceExpress(tracing))
  app.use(helmet({ contentSecurityPolicy: { directives: { 'script-src': ["'self'", "'nonce-abc'"] } } }))
  app.get('/page', (_req, res) => res.send('<p>paper</p>'))
  app.get('/broken', () => {
    throw new Error('out of paper')
  })
  app.get('/old', (_req, res) => res.redirect(301, '/page'))
  const url = await serve(app)
  for (const path of ['/page', '/broken', '/old']) console.log(await ask(url + path))
}
