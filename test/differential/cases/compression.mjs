// compression: bytes of a compressed answer, of one too small for it, and of a stream with flushes
import compression from 'compression'
import express from 'express'

export const nodes = 'every'
export const spans = `
SERVER GET /large {http.path=/large}
SERVER GET /small
SERVER GET /stream
SERVER GET /large
`
export async function run({ serve, ask, tdist, tracing }) {
  const app = express()
  if (tdist) app.use(tdist.traceExpress(tracing))
  app.use(compression())
  app.get('/large', (_req, res) => res.type('text').send('paper '.repeat(1000)))
  app.get('/small', (_req, res) => res.type('text').send('paper'))
  app.get('/stream', (_req, res) => {
    res.type('text')
    for (const part of ['one', 'two', 'three']) {
      res.write(part.repeat(500))
      res.flush()
    }
    res.end()
  })
  const url = await serve(app)
  const headers = { 'Accept-Encoding': 'gzip' }
  for (const path of ['/large', '/small', '/stream']) console.log(await ask(url + path, { headers }))
  console.log(await ask(`${url}/large`, { method: 'GET' }))
}
