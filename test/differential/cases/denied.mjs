// node:http: a caller's denial counts whatever the case of its IDs, and whether they are any
import { createServer } from 'node:http'

export const nodes = 'every'
export const spans = `
SERVER GET {http.path=/asked}
`
export async function run({ serve, ask, tdist, tracing }) {
  const server = createServer((req, res) => res.end(req.url))
  const url = await serve(tdist ? tdist.traceHttpServer(tracing, server) : server)
  const ids = { 'X-B3-TraceId': '463AC35C9F6413AD', 'X-B3-SpanId': 'A2FB4A1D1A96D312' }
  const denials = [
    { ...ids, 'X-B3-Sampled': '0' },
    { ...ids, 'X-B3-SpanId': 'none', 'X-B3-Sampled': 'FALSE' },
    { b3: '463AC35C9F6413AD-A2FB4A1D1A96D312-0' },
    { b3: 'broken-broken-0' },
  ]
  for (const headers of denials) console.log(await ask(`${url}/denied`, { headers }))
  console.log(await ask(`${url}/asked`, { headers: { ...ids, 'X-B3-Sampled': 'TRUE' } }))
}
