import { setTimeout as sleep } from 'node:timers/promises'
import express, { type Express } from 'express'
import { listen } from './listen.ts'

const PRICING = process.env['PRICING_URL']!

const app: Express = express()

app.get('/items/:id', async (req, res) => {
  const sku = `sku-${req.params.id}`
  await sleep(3)
  const price = await fetch(`${PRICING}/prices/${sku}`)
  res.json({ sku, price: await price.json() })
})

app.get('/carts/:user', async (req, res) => {
  await sleep(4)
  res.json({ user: req.params.user, skus: Array.from({ length: 8 }, (_, i) => `sku-${i + 1}`) })
})

listen(app)
