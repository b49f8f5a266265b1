// Two Express services, one calling the other with axios, traced by hand. The spans are printed, one a line.
//
//   npm ci && npm run build && node examples/express-axios.mjs
import { once } from 'node:events'
import axios from 'axios'
import express from 'express'
import { consoleSender, createTracing } from 'tdist'
import { traceAxios } from 'tdist/axios'
import { traceExpress } from 'tdist/express'

// Two services in one process, each with a tracing of its own; in two processes nothing else would change.
const shopTracing = createTracing({ serviceName: 'shop', sender: consoleSender() })
const pricesTracing = createTracing({ serviceName: 'prices', sender: consoleSender() })

const prices = express()
prices.use(traceExpress(pricesTracing))
prices.get('/prices/:sku', (request, response) => {
  response.json({ sku: request.params.sku, cents: 990 })
})
const pricesServer = prices.listen(0, '127.0.0.1')
await once(pricesServer, 'listening')

const http = traceAxios(shopTracing, axios.create({ baseURL: urlOf(pricesServer) }))
const shop = express()
shop.use(traceExpress(shopTracing))
shop.get('/products/:id', async (request, response) => {
  const { data } = await http.get(`/prices/sku-${request.params.id}`)
  const label = shopTracing.tracer.trace('label', () => `${(data.cents / 100).toFixed(2)} €`)
  response.json({ id: request.params.id, label })
})
const shopServer = shop.listen(0, '127.0.0.1')
await once(shopServer, 'listening')

const answer = await fetch(`${urlOf(shopServer)}/products/7`)
console.log(await answer.json())

shopServer.close()
pricesServer.close()

function urlOf(server) {
  return `http://127.0.0.1:${server.address().port}`
}
