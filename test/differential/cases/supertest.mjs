// supertest: an app of Express asked in its own process; both halves of each call
import express from 'express'
import request from 'supertest'

export const nodes = 'every'
export const dropIn = `
CLIENT GET {http.path=/items/7}
  SERVER GET /items/:id {$shared=true}
CLIENT POST {http.path=/items, http.status_code=422, error=422}
  SERVER POST /items {http.status_code=422, error=422}
CLIENT GET {http.path=/agent, http.status_code=302}
  SERVER GET /agent {http.status_code=302}
`
export const byHand = `
SERVER GET /items/:id {!http.status_code}
SERVER POST /items {http.status_code=422, error=422}
SERVER GET /agent {http.status_code=302}
`
export async function run({ tdist, tracing }) {
  const app = express()
  if (tdist) app.use(tdist.traceExpress(tracing))
  app.use(express.json())
  app.get('/items/:id', ({ params }, res) => res.json(params))
  app.post('/items', ({ body }, res) => res.status(422).json({ missing: 'price', body }))
  app.get('/agent', (_req, res) => res.cookie('seen', 'yes').redirect('/elsewhere'))
  const said = ({ status, headers, body }) => console.log(status, Object.keys(headers), body)
  said(await request(app).get('/items/7').expect('Content-Type', /json/).expect(200, { id: '7' }))
  said(await request(app).post('/items').send({ name: 'paper' }).expect(422))
  said(
    await request
      .agent(app)
      .get('/agent')
      .expect('set-cookie', /seen=yes/)
      .expect(302),
  )
}
