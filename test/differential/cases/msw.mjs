// msw: fetch and node:http answered by handlers, one passed through; spans are sent while it listens
import http from 'node:http'
import { http as mock, HttpResponse, passthrough } from 'msw'
import { setupServer } from 'msw/node'

export const nodes = '22+'
export const spans = `
CLIENT POST {http.path=/items}
CLIENT GET {http.path=/items/7, http.status_code=503, error=503}
CLIENT GET {http.path=/refused, error}
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
`
const SHOP = 'http://shop.test'
export async function run({ origin, reported, tdist, tracing }) {
  const arrived = reported(4)
  const server = setupServer(
    mock.post(`${SHOP}/items`, async ({ request }) =>
      HttpResponse.json(await request.json(), { status: 201 }),
    ),
    mock.get(`${SHOP}/items/:id`, ({ params }) => new HttpResponse(`no ${params.id}`, { status: 503 })),
    mock.get(`${SHOP}/refused`, () => HttpResponse.error()),
    mock.get(`${origin}/echo`, () => passthrough()),
  )
  server.listen({ onUnhandledRequest: 'error' })
  const call = tdist ? tdist.traceFetch(tracing, fetch) : fetch
  const client = tdist ? tdist.traceHttpClient(tracing, http) : http
  const posted = await call(`${SHOP}/items`, { method: 'POST', body: '{"some":"body"}' })
  console.log(posted.status, posted.url, await posted.json())
  const asked = await new Promise((resolve) => client.get(`${SHOP}/items/7`, { agent: false }, resolve))
  console.log(asked.statusCode, (await asked.toArray()).join(''))
  await call(`${SHOP}/refused`).catch(({ name, message }) => console.log(name, message))
  const through = await call(`${origin}/echo`)
  console.log(through.status, await through.text())
  await arrived
  server.close()
}
