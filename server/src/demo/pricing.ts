import { setTimeout as sleep } from 'node:timers/promises'
import express, { type Express } from 'express'
import { listen } from './listen.ts'
import { servePrices } from './prices.ts'

const app: Express = express()

app.get('/prices/:sku', async (req, res) => {
  res.json({ sku: req.params.sku, cents: await cents(req.params.sku) })
})

app.get('/discounts/:code', async (_req, res) => {
  await sleep(6)
  res.status(503).json({ error: 'the discounts are being rebuilt' })
})

/** The price of an item, for those who ask by HTTP and for those who ask by Thrift. */
async function cents(sku: string): Promise<number> {
  await sleep(2 + Math.random() * 3)
  return 100 + sku.length * 99
}

void servePrices({ cents }).then((thriftPort) => listen(app, { thriftPort }))
