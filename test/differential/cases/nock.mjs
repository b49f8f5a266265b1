// nock: calls of node:http intercepted, one passed through, none other let out; spans are sent, headers met as untraced
import http from 'node:http'

export const nodes = '22+'
export const spans = `
CLIENT POST {http.path=/items}
CLIENT GET {http.path=/items/7, http.status_code=503, error=503}
CLIENT GET {http.path=/refused, error=refused}
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
`
const SHOP = 'http://shop.test'
export async function run({ origin, reported, tdist, tracing }) {
  const arrived = reported(4)
  const { default: nock } = await import('nock')
  nock.disableNetConnect()
  const posted = nock(SHOP).post('/items', { some: 'body' })
  posted.reply(201, async (request) => `${request.url} ${await request.text()}`)
  const asked = nock(SHOP, { reqheaders: { 'x-mine': 'yes' } }).get('/items/7')
  asked.reply(503, 'not now')
  nock(SHOP).get('/refused').replyWithError('refused')
  const client = tdist ? tdist.traceHttpClient(tracing, http) : http
  const ask = (url, { body, ...options } = {}) =>
    new Promise((resolve) => {
      const call = client.request(url, options, async (res) =>
        resolve([res.statusCode, (await res.toArray()).join('')]),
      )
      call.on('error', ({ code, message }) => resolve([code, message])).end(body)
    }).then((answer) => console.log(...answer))
  const headers = { 'Content-Type': 'application/json' }
  await ask(`${SHOP}/items`, { method: 'POST', headers, body: '{"some":"body"}' })
  await ask(`${SHOP}/items/7`, { headers: { 'X-Mine': 'yes' } })
  await ask(`${SHOP}/refused`)
  nock.enableNetConnect('127.0.0.1')
  await ask(`${origin}/echo`)
  nock.disableNetConnect()
  await arrived
  console.log(nock.isDone(), nock.pendingMocks())
}
