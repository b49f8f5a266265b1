import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { answer } from '../answer.ts'
import { countingSender } from './counting-sender.ts'
import { options, Service, thrift } from './thrift-library.ts'

/** A Thrift server, traced or not; `BENCH_SERVER` says which. */
const variant = process.env.BENCH_SERVER!
const sender = countingSender()
const tracing =
  variant === 'tdist' ? (await import('tdist')).createTracing({ serviceName: 'bench', sender }) : undefined

const server: Server = thrift.createMultiplexServer(await processor(), options)
// What answers a batch goes out at once: how often the client is woken is a matter of luck.
server.on('connection', (socket) =>
  socket.on('data', () => {
    socket.cork()
    setImmediate(() => socket.uncork())
  }),
)

async function processor(): Promise<object> {
  const plain = new Service.Processor({ add: (a: number, b: number) => a + b })
  if (tracing) return (await import('tdist/thrift')).traceProcessor(tracing, plain)
  if (variant === 'als') {
    const storage = new AsyncLocalStorage<object>()
    return { process: (input: object, output: object) => storage.run({}, () => plain.process(input, output)) }
  }
  return plain
}

answer({
  async port() {
    if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  },
  /** CPU time of this process so far, in microseconds, once its spans are sent; rejects when there are not so many. */
  async cpu({ spans }: { spans: number }) {
    if (tracing) await sender.expect(tracing, spans)
    const { user, system } = process.cpuUsage()
    return user + system
  },
})
