import { once } from 'node:events'
import { createRequire } from 'node:module'
import type * as Http from 'node:http'
import type { AddressInfo } from 'node:net'
import { answer } from '../answer.ts'
import { makeApp } from './app.ts'
import { flushSpans } from './flush.ts'

/** A process that serves the app; the variant is decided by what was imported before it. */

// As an app would: a tracer that patches what is required sees it.
const { createServer } = createRequire(import.meta.url)('node:http') as typeof Http
const server = createServer(makeApp(process.env.BENCH_BACKEND!, process.env.BENCH_VARIANT!))
server.keepAliveTimeout = 60_000

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
})
