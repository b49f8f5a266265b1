import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient, type ThriftOptions } from 'tdist/thrift'
import {
  createNpmClient,
  openNpmConnection,
  startNpmServer,
  type Client,
  type Wrap,
} from '../../support/thrift-npm.ts'
import type { Wire } from '../../support/thrift-peer.ts'

/** What a side is told to do next. */
export type Order =
  | { readonly serve: Wire }
  | {
      readonly call: Wire
      readonly port: number
      readonly propagation: ThriftOptions['propagation'] & string
    }
  | 'big'
  | 'held'

/** One side of a conversation in a process of its own, so that what it holds is all its own. */
const isTraced = process.argv[2] === 'traced'
const { tracing, spans } = createTestTracing()
const server: Wrap = (processor) => (isTraced ? traceProcessor(tracing, processor) : processor)
/** Of them stay open at a time, each with all that it holds: what one holds is lost in what the heap holds anyway. */
const CONNECTIONS = 16
const SMALL = 30

let opened: { client: Client; connection: { end?(): void } }[] = []

process.on('message', (order: Order) => void obey(order).then((said) => process.send!(said ?? 'done')))

async function obey(order: Order): Promise<unknown> {
  if (order === 'held') return held()
  if (order === 'big') {
    for (const { client } of opened) await client.big(Buffer.alloc(200_000, 7))
  } else if ('serve' in order) {
    return (await startNpmServer(order.serve, server)).port
  } else {
    const { call, port, propagation } = order
    for (const { connection } of opened) connection.end?.()
    opened = Array.from({ length: CONNECTIONS }, () => {
      const plain = openNpmConnection(call, port)
      const connection = isTraced ? traceThriftClient(tracing, plain, { propagation }) : plain
      return { connection, client: createNpmClient(call, connection) }
    })
  }
  for (const { client } of opened) for (let i = 0; i < SMALL; i++) await client.add(i, 1)
  return undefined
}

/** Bytes that are held once everything is collected that can be. */
async function held(): Promise<number> {
  spans.length = 0
  for (let i = 0; i < 3; i++) {
    globalThis.gc!()
    await new Promise(setImmediate)
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}
