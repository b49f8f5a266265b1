import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { currentTracing } from 'tdist'

const required = createRequire(import.meta.url)('tdist')
assert.equal(required.currentTracing, currentTracing)
assert.equal(currentTracing().serviceName, process.env.TDIST_SERVICE_NAME)

const server = createServer((request, response) => response.end('hello')).listen(0, '127.0.0.1')
await once(server, 'listening')
const answer = await fetch(`http://127.0.0.1:${server.address().port}/`)
assert.equal(await answer.text(), 'hello')
server.close()
server.closeAllConnections()
