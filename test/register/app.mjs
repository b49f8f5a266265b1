// An app that knows nothing of tracing. The test runs it as it is, as CommonJS, and as bundles.
import http from 'node:http'
import axios from 'axios'
import express from 'express'
import { request } from 'undici'

const app = express()
app.get('/items/:id', async (req, res) => {
  const price = await axios.get(`${base()}/shop/price/${req.params.id}?secret=1`)
  const stock = await request(`${base()}/shop/stock/${req.params.id}`)
  const tax = await fetch(`${base()}/tax`)
  res.json({ price: price.data, stock: await stock.body.json(), tax: await tax.json() })
})
const shop = express.Router()
shop.get('/price/:id', (req, res) => res.json(1))
shop.get('/stock/:id', (req, res) => res.json(2))
app.use('/shop', shop)
app.get('/tax', (req, res) => {
  http.get(`${base()}/rates`, (rates) => {
    rates.resume()
    rates.on('end', () => res.json(3))
  })
})
app.get('/rates', (req, res) => res.sendStatus(204))
app.get('/broken/:id', () => {
  throw new Error('out of paper')
})
app.use((error, _req, res, _next) => {
  res.status(500).send(error.message)
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.once('SIGTERM', () => server.close(() => process.disconnect?.()))

function base() {
  return `http://127.0.0.1:${server.address().port}`
}
