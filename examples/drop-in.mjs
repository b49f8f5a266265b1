// A service that knows nothing of tracing, and is traced all the same:
//
//   npm ci && npm run build
//   TDIST_SERVICE_NAME=shop TDIST_SENDER=console node --import tdist/register examples/drop-in.mjs
//
// In the middle of one's own project, it is `npm install tdist` and the second line.
import { once } from 'node:events'
import axios from 'axios'
import express from 'express'
import { request } from 'undici'

const app = express()
const stock = express.Router()

stock.get('/:sku', (req, res) => res.json({ sku: req.params.sku, left: 3 }))
app.use('/stock', stock)

app.get('/products/:id', async (req, res) => {
  const url = `${base}/stock/sku-${req.params.id}`
  const byAxios = await axios.get(url)
  const byUndici = await request(url)
  const byFetch = await fetch(url)
  res.json([byAxios.data, await byUndici.body.json(), await byFetch.json()])
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const base = `http://127.0.0.1:${server.address().port}`

const answer = await fetch(`${base}/products/7`)
console.log(await answer.json())
server.close()
