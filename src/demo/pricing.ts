import { setTimeout as sleep } from 'node:timers/promises'
import express, { type Express } from 'express'
import { listen } from './listen.ts'

const app: Express = express()

app.get('/prices/:sku', async (req, res) => {
  await sleep(2 + Math.random() * 3)
  res.json({ sku: req.params.sku, cents: 100 + req.params.sku.length * 99 })
})

app.get('/discounts/:code', async (_req, res) => {
  await sleep(6)
  res.status(503).json({ error: 'the discounts are being rebuilt' })
})

listen(app)
