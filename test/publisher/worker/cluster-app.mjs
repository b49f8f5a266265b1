// A service that knows nothing of tracing: two workers of a cluster that share a port. Its parent tells it how to end.
import cluster from 'node:cluster'
import { once } from 'node:events'
import http from 'node:http'

if (cluster.isPrimary) {
  const workers = [cluster.fork(), cluster.fork()]
  const exits = workers.map((worker) => once(worker, 'exit'))
  const [[first], [second]] = await Promise.all(workers.map((worker) => once(worker, 'listening')))
  process.on('message', (end) => {
    for (const worker of workers) {
      if (end === 'disconnect') worker.disconnect()
      else if (end === 'nothing left to do') worker.send(end)
      else worker.process.kill(end)
    }
  })
  process.send({ ports: [first.port, second.port] })
  process.send({ exits: await Promise.all(exits) })
  process.disconnect()
} else {
  const server = http.createServer((_req, res) => res.end(String(process.pid)))
  server.listen(0, '127.0.0.1')
  process.once('message', () => {
    server.close()
    process.channel.unref()
  })
}
