const assert = require('node:assert/strict')
const { createServer, get } = require('node:http')
const { currentTracing } = require('tdist')

assert.equal(currentTracing().serviceName, process.env.TDIST_SERVICE_NAME)
const server = createServer((request, response) => response.end('hello')).listen(0, '127.0.0.1', () => {
  get({ port: server.address().port, host: '127.0.0.1', agent: false }, (answer) => {
    answer.resume()
    server.close()
  })
})
