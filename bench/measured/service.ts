import { once } from 'node:events'
import { createRequire } from 'node:module'
import type * as Http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer } from '../answer.ts'
import { account, type Account } from './account.ts'
import { makeApp } from './app.ts'
import { flushSpans } from './flush.ts'
import { settledHeap } from './settled-heap.ts'

/** A process that serves the app; the variant is decided by what was imported before it. */

// As an app would: a tracer that patches what is required sees it.
const { createServer } = createRequire(import.meta.url)('node:http') as typeof Http
const server = createServer(makeApp(process.env.BENCH_BACKEND!, process.env.BENCH_VARIANT!))
server.keepAliveTimeout = 60_000

/** A moment of the service. */
export interface ServiceState {
  readonly rss: number
  /** Undefined where tdist does not trace. */
  readonly account: Account | undefined
}

answer({
  async port() {
    if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  },
  /** CPU time of this process so far, all its threads, in microseconds. */
  cpu() {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  flush: flushSpans,
  /** Bytes that are in use once the clients' connections are closed. */
  async heap() {
    while ((await connections()) > 0) await sleep(10)
    return settledHeap()
  },
  /** Bytes resident now, and the publisher's account. */
  state: async (): Promise<ServiceState> => ({
    rss: process.memoryUsage.rss(),
    account: await account(),
  }),
})

function connections(): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}
