import axios from 'axios'
import express, { type Express } from 'express'
import { request } from 'undici'
import { listen } from './listen.ts'
import { viewTeller } from './views.ts'

const CATALOG = process.env['CATALOG_URL']!
const PRICING = process.env['PRICING_URL']!

interface Cart {
  readonly skus: readonly string[]
}

const app: Express = express()
const tellView = viewTeller(process.env['KAFKA_BROKERS'])

app.get('/products/:id', async (req, res) => {
  const item = await axios.get(`${CATALOG}/items/${req.params.id}`)
  await tellView?.(req.params.id)
  res.json(item.data)
})

app.get('/cart/:user', async (req, res) => {
  const answer = await fetch(`${CATALOG}/carts/${req.params.user}`)
  const cart = (await answer.json()) as Cart
  const prices: unknown[] = []
  // One call for each item, each after the one before: the trace shows this as an N+1.
  for (const sku of cart.skus) {
    const { body } = await request(`${PRICING}/prices/${sku}`)
    prices.push(await body.json())
  }
  res.json(prices)
})

app.get('/checkout/:user', async (req, res) => {
  const { data: cart } = await axios.get<Cart>(`${CATALOG}/carts/${req.params.user}`)
  const { statusCode, body } = await request(`${PRICING}/discounts/spring`)
  await body.dump()
  if (statusCode !== 200) {
    res.status(502).json({ error: 'no discounts, no checkout' })
    return
  }
  res.json(cart)
})

listen(app)
