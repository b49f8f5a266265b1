// fetch and node:http: trace headers that a signature covers arrive as they were signed
import http from 'node:http'

export const nodes = 'every'
export const spans = `
CLIENT GET {http.path=/a}
CLIENT GET {http.path=/b}
CLIENT GET {http.path=/c}
`
export async function run({ tdist, tracing, after }) {
  const call = tdist ? tdist.traceFetch(tracing, fetch) : fetch
  const { get } = tdist ? tdist.traceHttpClient(tracing, http) : http
  const { createServer } = await import('node:net')
  // Bare, so that nothing here is traced.
  const server = createServer((socket) => {
    socket.on('data', (text) => {
      console.log(String(text).match(/^(GET .*|x-b3.*|signature.*|authorization.*)$/gm))
      socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n')
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => server.close())
  const url = `http://127.0.0.1:${server.address().port}`
  const ids = { 'x-b3-traceid': '463ac35c9f6413ad', 'x-b3-spanid': 'a2fb4a1d1a96d312' }
  const aws = { authorization: 'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host;x-b3-traceid, Signature=b' }
  const messages = { 'signature-input': 'a=("x-b3-traceid" "x-b3-spanid")', signature: 'a=:bc=:' }
  await call(`${url}/a`, { headers: { ...ids, ...aws } })
  await new Promise((resolve) => get(`${url}/b`, { headers: { ...ids, ...messages } }, resolve))
  await new Promise((resolve) =>
    get(`${url}/c?X-Amz-SignedHeaders=x-b3-traceid`, { headers: ids }, (res) =>
      res.resume().on('end', resolve),
    ),
  )
}
