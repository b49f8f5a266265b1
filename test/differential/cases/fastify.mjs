// Fastify 5: a route that calls out and one that fails
import http from 'node:http'
import Fastify from 'fastify'

export const nodes = 'every'
export const spans = `
SERVER GET {http.path=/items/7}
  CLIENT GET {http.path=/echo}
    ORIGIN GET /echo
SERVER GET {http.path=/broken, http.status_code=500, error=500}
`
export async function run({ serve, ask, origin, tdist, tracing }) {
  const client = tdist ? tdist.traceHttpClient(tracing, http) : http
  const app = Fastify()
  app.get('/items/:id', async (request, reply) => {
    const below = await new Promise((resolve) =>
      client.get(`${origin}/echo?id=${request.params.id}`, resolve),
    )
    return reply.code(201).send(below)
  })
  app.get('/broken', async () => {
    throw new Error('out of paper')
  })
  await app.ready()
  if (tdist) tdist.traceHttpServer(tracing, app.server)
  const url = await serve(app.server)
  console.log(await ask(`${url}/items/7`))
  console.log(await ask(`${url}/broken`))
}
