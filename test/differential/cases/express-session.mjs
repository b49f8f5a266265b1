// express-session: a cookie, a session kept over two requests, one destroyed; the store's work is in its request
import { AsyncLocalStorage } from 'node:async_hooks'
import express from 'express'
import session from 'express-session'

export const nodes = 'every'
export const spans = `
SERVER GET /visits {http.path=/visits}
SERVER GET /visits {http.path=/visits}
SERVER GET /out {http.status_code=302}
`
export async function run({ serve, ask, tdist, tracing }) {
  const request = new AsyncLocalStorage()
  const app = express()
  if (tdist) app.use(tdist.traceExpress(tracing))
  app.use((req, _res, next) => request.run(req.url, next))
  class Store extends session.MemoryStore {
    set(id, value, done) {
      console.log(`set for ${request.getStore()}`)
      super.set(id, value, () => setTimeout(() => done(), 5))
    }
  }
  const options = {
    genid: () => 'fixed',
    secret: 'a secret',
    resave: false,
    saveUninitialized: true,
    store: new Store(),
  }
  app.use(session(options))
  app.get('/visits', ({ session }, res) => {
    res.send(`visit ${(session.visits = (session.visits ?? 0) + 1)}`)
  })
  app.get('/out', (req, res) => req.session.destroy(() => res.redirect('/')))
  const url = await serve(app)
  const first = await ask(`${url}/visits`)
  console.log(first)
  for (const path of ['/visits', '/out'])
    console.log(await ask(url + path, { headers: { Cookie: /connect.sid[^;]*/.exec(first)[0] } }))
}
