// A service that knows nothing of tracing, and the child it forks and calls.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'

if (process.argv[2] === 'child') {
  const server = http.createServer((_req, res) => res.end('from the child'))
  server.listen(0, '127.0.0.1', () => process.send(server.address().port))
  process.once('disconnect', () => server.close())
} else {
  const child = fork(fileURLToPath(import.meta.url), ['child'])
  const [port] = await once(child, 'message')
  const request = http.get({ host: '127.0.0.1', port, path: '/', agent: false })
  const [response] = await once(request, 'response')
  for await (const text of response.setEncoding('utf8')) process.stdout.write(text)
  const exit = once(child, 'exit')
  if (process.argv[2] === 'disconnect') child.disconnect()
  else child.kill(process.argv[2])
  process.stdout.write(`, which ended with ${(await exit).find((end) => end !== null)}`)
}
