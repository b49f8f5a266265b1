// hapi: a stream that its client leaves is aborted, though hapi ends the response then
import { PassThrough } from 'node:stream'
import Hapi from '@hapi/hapi'
import { createServer } from 'node:http'

export const nodes = 'every'
export const spans = `
SERVER GET {http.path=/stream, error=aborted}
SERVER GET {http.path=/whole}
SERVER GET {http.path=/nowhere, http.status_code=404, error=404}
`
export async function run({ ask, after, tdist, tracing }) {
  const listener = createServer()
  if (tdist) tdist.traceHttpServer(tracing, listener)
  const server = Hapi.server({ port: 0, host: '127.0.0.1', listener })
  const streamed = new PassThrough()
  server.route({
    method: 'GET',
    path: '/stream',
    handler() {
      streamed.write('first')
      return streamed
    },
  })
  server.route({ method: 'GET', path: '/whole', handler: () => 'whole' })
  await server.start()
  after(() => server.stop())
  const ended = new Promise((resolve) =>
    server.events.on('response', ({ path }) => path === '/stream' && resolve()),
  )
  await ask(`${server.info.uri}/stream`, { abortAfter: 'first' })
  await ended
  console.log(streamed.destroyed)
  for (const path of ['/whole', '/nowhere']) console.log(await ask(server.info.uri + path))
}
