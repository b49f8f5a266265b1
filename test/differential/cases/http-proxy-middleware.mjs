// http-proxy-middleware: what is proxied is a call below the request; a target that hangs up
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'

export const nodes = '22+'
export const dropIn = `
SERVER POST {http.path=/api/echo}
  CLIENT POST {http.path=/echo}
    ORIGIN POST /echo
SERVER GET {http.path=/api/status, http.status_code=503, error=503}
  CLIENT GET {http.path=/status, http.status_code=503, error=503}
    ORIGIN GET /status
SERVER GET {http.path=/api/cut, http.status_code=504, error=504}
  CLIENT GET {http.path=/cut, error=socket hang up}
    ORIGIN GET /cut
`
export async function run({ serve, ask, origin }) {
  const app = express()
  const on = {
    proxyReq: (call) => call.setHeader('x-proxy', 'ours'),
    proxyRes: (answer) => (answer.headers['x-back'] = 'yes'),
  }
  app.use('/api', createProxyMiddleware({ target: origin, changeOrigin: true, on }))
  const url = await serve(app)
  console.log(await ask(`${url}/api/echo?q=1`, { method: 'POST', body: 'some body' }))
  console.log(await ask(`${url}/api/status?code=503`))
  console.log(await ask(`${url}/api/cut`))
}
