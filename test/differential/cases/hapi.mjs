// hapi 21: routes, a boom, validation, a route that calls out
import http from 'node:http'
import Hapi from '@hapi/hapi'

export const nodes = 'every'
export const spans = `
SERVER POST {http.path=/items/7, !http.status_code}
  CLIENT GET {http.path=/echo}
    ORIGIN GET /echo
SERVER GET {http.path=/broken, http.status_code=500, error=500}
SERVER POST {http.path=/items/7, http.status_code=400, error=400}
`
export async function run({ ask, origin, after, tdist, tracing }) {
  const client = tdist ? tdist.traceHttpClient(tracing, http) : http
  const server = Hapi.server({ port: 0, host: '127.0.0.1', debug: false })
  if (tdist) tdist.traceHttpServer(tracing, server.listener)
  server.route([
    {
      method: 'POST',
      path: '/items/{id}',
      handler: async ({ params, payload }, h) => {
        const below = await new Promise((resolve) => client.get(`${origin}/echo?id=${params.id}`, resolve))
        return h.response(below).header('x-payload', JSON.stringify(payload)).state('seen', 'yes')
      },
    },
    { method: 'GET', path: '/broken', handler: () => Promise.reject(new Error('out of paper')) },
  ])
  server.events.on('response', ({ path, response }) =>
    console.log(`${path} was answered ${response.statusCode}`),
  )
  await server.start()
  after(() => server.stop())
  const json = { 'Content-Type': 'application/json' }
  console.log(
    await ask(`${server.info.uri}/items/7`, { method: 'POST', headers: json, body: '{"some":"body"}' }),
  )
  console.log(await ask(`${server.info.uri}/broken`))
  console.log(await ask(`${server.info.uri}/items/7`, { method: 'POST', headers: json, body: '{"some":' }))
}
