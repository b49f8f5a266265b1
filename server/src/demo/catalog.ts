import { setTimeout as sleep } from 'node:timers/promises'
import express, { type Express } from 'express'
import { listen } from './listen.ts'
import { connectPrices } from './prices.ts'

const PRICING = process.env['PRICING_URL']!
const THRIFT_PORT = process.env['PRICING_THRIFT_PORT']
const prices = THRIFT_PORT === undefined ? undefined : connectPrices(Number(THRIFT_PORT))

const app: Express = express()

app.get('/items/:id', async (req, res) => {
  const sku = `sku-${req.params.id}`
  await sleep(3)
  res.json({ sku, price: prices ? { sku, cents: await prices.cents(sku) } : await priceByHttp(sku) })
})

app.get('/carts/:user', async (req, res) => {
  await sleep(4)
  res.json({ user: req.params.user, skus: Array.from({ length: 8 }, (_, i) => `sku-${i + 1}`) })
})

async function priceByHttp(sku: string): Promise<unknown> {
  const answer = await fetch(`${PRICING}/prices/${sku}`)
  return answer.json()
}

listen(app)
