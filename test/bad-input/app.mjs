// A service that answers with all that it saw, and calls itself with four clients. How it is traced, or that it is not,
// its two callers decide: plain.mjs knows nothing of tracing, explicit.mjs has it in its code.
import { AsyncLocalStorage } from 'node:async_hooks'
import http from 'node:http'
import express from 'express'

/** The package, where it is loaded already: an untraced service loads none. */
const ours = Symbol.for('tdist') in AsyncLocalStorage ? await import('tdist') : undefined

/** What tracing adds to a call: the trace, and the baggage of explicit.mjs. */
const ADDED = /^(b3|x-b3-.*|traceparent|tracestate|user-id|x-flood)$/i

/** Serves until its parent sends a message, then ends by itself with code 3. */
export function serve({ before = [], axios, request, fetch }) {
  const app = express().set('env', 'production')
  for (const middleware of before) app.use(middleware)
  const seen = (req) => ({ method: req.method, url: req.originalUrl, headers: pairs(req.rawHeaders) })

  const clients = {
    axios: async (url, body) => (await axios.post(url, body, { responseType: 'text' })).data,
    undici: async (url, body) => (await request(url, { method: 'POST', body })).body.text(),
    fetch: async (url, body) => (await fetch(url, { method: 'POST', body })).text(),
    http: (url, body) =>
      new Promise((resolve, reject) => {
        const call = http.request(url, { method: 'POST' }, (res) => {
          res.toArray().then((chunks) => resolve(chunks.join('')), reject)
        })
        call.on('error', reject).end(body)
      }),
  }
  app.post('/below', async (req, res) => {
    const headers = pairs(req.rawHeaders).filter(
      ([name]) => !ADDED.test(name) && name.toLowerCase() !== 'host',
    )
    res.json({ ...seen(req), headers, body: (await req.toArray()).join('') })
  })
  app.get('/via/:client', async (req, res) => {
    const below = await clients[req.params.client](`${base()}/below?from=${req.params.client}`, 'some body')
    res.set('x-client', req.params.client).json({ ...seen(req), below: JSON.parse(below) })
  })
  app.get('/gone/:client', async (req, res) => {
    const { code, cause, name } = await clients[req.params.client](`${base()}/cut`, '').catch(
      (error) => error,
    )
    res.status(502).json({ code, cause: cause?.code, name })
  })
  app.post('/cut', (req) => req.socket.destroy())
  app.get('/broken/:id', () => {
    throw new Error('out of paper')
  })
  app.get('/slow/:id', (req, res) => setTimeout(() => res.json(seen(req)), 20))
  app.all('/echo', async (req, res) => {
    res.append('set-cookie', ['a=1', 'b=2']).json({ ...seen(req), body: (await req.toArray()).join('') })
  })
  app.use((error, _req, res, _next) => {
    res.status(500).send(error.message)
  })

  const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
  process.exitCode = 3
  process.once('message', () => {
    server.close()
    server.closeAllConnections()
    process.disconnect()
  })
  process.once('exit', () => {
    const tracing = ours?.currentTracing()
    if (tracing) console.log(JSON.stringify({ stats: tracing.publisher.stats(), faults: tracing.faults }))
  })

  function base() {
    return `http://127.0.0.1:${server.address().port}`
  }
}

function pairs(list) {
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]])
}
