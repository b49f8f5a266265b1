import { AsyncLocalStorage } from 'node:async_hooks'
import type { Socket } from 'node:net'
import type { Tracing } from 'tdist'
import { answer } from '../answer.ts'
import { countingSender } from './counting-sender.ts'
import { options, Service, thrift } from './thrift-library.ts'
import { internals } from './internals.ts'

/** A Thrift client; `BENCH_CLIENT` is how it propagates, or `untraced`, `als` or `unsampled`. */
const variant = process.env.BENCH_CLIENT!
// So many calls are under way at once, as where several requests are answered.
const BATCH = 32

interface Client {
  add(a: number, b: number): Promise<number>
}

/** What so many calls took and made, all of it together. */
export interface Calls {
  readonly cpu: number
  readonly sent: number
  readonly received: number
}

const sender = countingSender()
let tracing: Tracing | undefined
let client: Client
let socket: Socket
let inRequest: (batch: () => Promise<void>) => Promise<void>

answer({
  async connect({ port }: { port: number }) {
    const plain = thrift.createConnection('127.0.0.1', port, options)
    client = thrift.createClient(Service, await traced(plain))
    socket = plain.connection
    inRequest = scope()
  },

  async call({ calls, spans }: { calls: number; spans: number }): Promise<Calls> {
    const { bytesWritten, bytesRead } = socket
    const before = process.cpuUsage()
    let sum = 0
    const batch = async (): Promise<void> => {
      const answers = []
      // In one piece: how often the server is woken is a matter of luck.
      socket.cork()
      for (let i = 0; i < BATCH; i++) answers.push(client.add(i, 1))
      socket.uncork()
      for (const answer of await Promise.all(answers)) sum += answer
    }
    for (let done = 0; done < calls; done += BATCH) await inRequest(batch)
    if (tracing) await sender.expect(tracing, spans)
    const { user, system } = process.cpuUsage(before)
    if (sum !== (calls * (BATCH + 1)) / 2) throw new Error(`the answers sum up to ${sum}`)
    return {
      cpu: user + system,
      sent: socket.bytesWritten - bytesWritten,
      received: socket.bytesRead - bytesRead,
    }
  },
})

async function traced(connection: object): Promise<object> {
  if (variant === 'untraced' || variant === 'als') return connection
  const { createTracing, never } = await import('tdist')
  const sampler = variant === 'unsampled' ? { sampler: never } : {}
  tracing = createTracing({ serviceName: 'bench', sender, ...sampler })
  const propagation = variant === 'unsampled' ? 'field' : (variant as 'off' | 'field' | 'prefix' | 'auto')
  return (await import('tdist/thrift')).traceThriftClient(tracing, connection, { propagation })
}

/** Calls are made while a request is answered; that request's own span is not counted. */
function scope(): typeof inRequest {
  if (tracing) {
    const { dataManager, tracer } = internals(tracing)
    const request = tracer.newTrace('SERVER')
    return (batch) => dataManager.run(request, batch)
  }
  const storage = new AsyncLocalStorage<object>()
  return variant === 'als' ? (batch) => storage.run({}, batch) : (batch) => batch()
}
