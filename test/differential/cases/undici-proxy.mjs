// undici's ProxyAgent: the call is a span, its CONNECT is none and says nothing of it to the proxy
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { ProxyAgent, request } from 'undici'

export const nodes = '22+'
export const dropIn = `
CLIENT GET {http.path=/status}
  ORIGIN GET /status
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
`
export async function run({ origin, serve, after }) {
  const proxy = createServer()
  proxy.on('connect', ({ method, headers }, near) => {
    console.log(method, Object.keys(headers))
    const far = connect(new URL(origin).port, '127.0.0.1', () => near.write('HTTP/1.1 200 OK\r\n\r\n'))
    near.pipe(far).pipe(near)
  })
  const dispatcher = new ProxyAgent({ uri: await serve(proxy), proxyTunnel: true })
  after(() => dispatcher.destroy())
  for (const code of [200, 503]) {
    const { statusCode, body } = await request(`${origin}/status?code=${code}`, { dispatcher })
    console.log(statusCode, await body.text())
  }
}
