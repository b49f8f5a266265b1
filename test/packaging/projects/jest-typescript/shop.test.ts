import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTestTracing } from 'tdist/testing'
import { ownTracing, shop } from './shop'

let server: Server
afterEach(() => server.closeAllConnections())

async function hello(): Promise<string> {
  await once(server, 'listening')
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hello/ann`)
  server.close()
  return answer.text()
}

test('a request to the service is a span', async () => {
  const test = createTestTracing({ serviceName: 'shop' })
  server = shop(test.tracing).listen(0, '127.0.0.1')
  expect(await hello()).toBe('Hello, ann')
  const [span] = await test.take(1)
  expect(span).toMatchObject({
    kind: 'SERVER',
    name: 'GET /hello/:name',
    localEndpoint: { serviceName: 'shop' },
    tags: { 'http.method': 'GET', 'http.path': '/hello/ann', 'http.route': '/hello/:name' },
  })
  test.assertClean()
})

test('the service sends its own spans', async () => {
  server = shop().listen(0, '127.0.0.1')
  expect(await hello()).toBe('Hello, ann')
  await ownTracing.close()
  expect(ownTracing.publisher.stats()).toMatchObject({ offered: 1, sent: 1 })
})
