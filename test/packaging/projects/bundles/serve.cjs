const assert = require('node:assert/strict')
const { once } = require('node:events')
const { createServer } = require('node:http')

/** One request, its spans sent: by the service's own thread, and by a worker, if there can be one. */
exports.serve = async function ({ createTracing, httpSender, traceFetch, traceHttpServer, traceKafka }) {
  assert.equal(typeof traceKafka, 'function')
  for (const worker of [false, true]) {
    const tracing = createTracing({
      serviceName: worker ? 'shop with a worker' : 'shop',
      sender: httpSender({ url: process.env.TDIST_ZIPKIN_URL }),
      publisher: { worker },
    })
    const server = traceHttpServer(
      tracing,
      createServer((request, response) => response.end('hello')),
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const answer = await traceFetch(tracing, fetch)(`http://127.0.0.1:${server.address().port}/`)
    assert.equal(await answer.text(), 'hello')
    server.close()
    server.closeAllConnections()
    await tracing.close()
    const { offered, sent } = tracing.publisher.stats()
    assert.deepEqual({ offered, sent }, { offered: 2, sent: 2 })
  }
}
