// An app that knows nothing of tracing: Thrift servers and clients of every kind that npm's thrift makes, by every form of
// import. The test runs it as it is, and as CommonJS. Argument: the generated service's path.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import * as namespace from 'thrift'
import thrift, { createClient, createServer } from 'thrift'

const Prices = createRequire(process.argv[1])(process.argv[2])
const handler = { cents: async (sku) => 198 * sku.length }

async function listening(server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

async function main() {
  const said = []
  const plain = createServer(Prices, handler)
  const connection = thrift.createConnection('127.0.0.1', await listening(plain), {})
  said.push(await createClient(Prices, connection).cents('a'))

  const processor = new thrift.MultiplexedProcessor()
  processor.registerProcessor('Prices', new Prices.Processor(handler))
  const mux = namespace.createMultiplexServer(processor)
  const muxConnection = namespace.createConnection('127.0.0.1', await listening(mux), {})
  said.push(await new thrift.Multiplexer().createClient('Prices', Prices, muxConnection).cents('ab'))

  const web = thrift.createWebServer({ services: { '/': { processor: Prices, handler } } })
  const byHttp = thrift.createHttpConnection('127.0.0.1', await listening(web), {
    path: '/',
    nodeOptions: { agent: false },
  })
  said.push(await namespace.createHttpClient(Prices, byHttp).cents('abc'))

  connection.end()
  muxConnection.end()
  for (const server of [plain, mux, web]) server.close()
  console.log(JSON.stringify(said))
}

void main()
