// A Thrift server and a client of it, traced by hand. The spans are printed, one a line.
//
//   npm ci && npm run build && node examples/thrift.mjs
//
// In the folder thrift is what Thrift's compiler has made of the service, as it makes it without tracing.
import { once } from 'node:events'
import { consoleSender, createTracing } from 'tdist'
import { traceProcessor, traceThriftClient } from 'tdist/thrift'
import thrift from 'thrift'
import Prices from './thrift/Prices.js'

// Both in one process, each with a tracing of its own; in two processes nothing else would change.
const shopTracing = createTracing({ serviceName: 'shop', sender: consoleSender() })
const pricesTracing = createTracing({ serviceName: 'prices', sender: consoleSender() })

const handler = { cents: async (sku) => 198 * sku.length }
const server = thrift.createServer(traceProcessor(pricesTracing, Prices), handler)
server.listen(0, '127.0.0.1')
await once(server, 'listening')

const connection = thrift.createConnection('127.0.0.1', server.address().port, {})
const prices = thrift.createClient(Prices, traceThriftClient(shopTracing, connection))

await shopTracing.tracer.trace('label', async () => {
  const cents = await prices.cents('sku-7')
  console.log(`${(cents / 100).toFixed(2)} €`)
})

connection.end()
server.close()
