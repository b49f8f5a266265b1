// A pool of undici, traced by hand, with retries above it: each attempt is a span. The spans are printed, one a line.
//
//   npm ci && npm run build && node examples/undici.mjs
import { once } from 'node:events'
import { createServer } from 'node:http'
import { interceptors, Pool } from 'undici'
import { consoleSender, createTracing } from 'tdist'
import { traceUndici } from 'tdist/undici'

const tracing = createTracing({ serviceName: 'shop', sender: consoleSender() })

// A service that is busy at first, and then talks without end.
let asked = 0
const stock = createServer((request, response) => {
  if (asked++ === 0) return response.writeHead(503).end()
  response.write('3 left\n')
})
stock.listen(0, '127.0.0.1')
await once(stock, 'listening')

const pool = new Pool(`http://127.0.0.1:${stock.address().port}`, { connections: 2 })
// What is composed onto the traced pool stands above its spans; what was composed before stands below them.
const client = traceUndici(tracing, pool).compose(interceptors.retry({ minTimeout: 10 }))

await tracing.tracer.trace('look up', async () => {
  const { body } = await client.request({ path: '/stock/sku-7', method: 'GET' })
  for await (const line of body) {
    console.log(String(line).trim())
    break // That is enough. To give the rest up is no failure, and the span says that it was done.
  }
})

await pool.close()
stock.close()
