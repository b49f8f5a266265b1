import { setTimeout as sleep } from 'node:timers/promises'
import express, { type Express } from 'express'
import { listen } from './listen.ts'
import { connectPrices } from './prices.ts'

const prices = connectPrices(Number(process.env['PRICING_THRIFT_PORT']))

const app: Express = express()

app.get('/items/:id', async (req, res) => {
  const sku = `sku-${req.params.id}`
  await sleep(3)
  res.json({ sku, price: { sku, cents: await prices.cents(sku) } })
})

app.get('/carts/:user', async (req, res) => {
  await sleep(4)
  res.json({ user: req.params.user, skus: Array.from({ length: 8 }, (_, i) => `sku-${i + 1}`) })
})

listen(app)
