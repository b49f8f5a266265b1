import { Child } from './child.ts'
import type { Rounds } from './figure.ts'
import type { Calls } from './measured/thrift-client.ts'
import type { NodeBinary } from './node-binary.ts'
import type { Effort } from './scenarios/scenario.ts'

/**
 * How the client is traced, how the server is, and whether a call makes a span in each that is. In `… bare` errors have
 * no stacks: what tracing saves of those is not counted then.
 */
const VARIANTS = {
  untraced: ['untraced', 'untraced', true],
  als: ['als', 'als', true],
  off: ['off', 'tdist', true],
  field: ['field', 'tdist', true],
  prefix: ['prefix', 'tdist', true],
  auto: ['auto', 'tdist', true],
  unsampled: ['unsampled', 'tdist', false],
  plain: ['field', 'untraced', true],
  'als bare': ['als', 'als', true],
  'field bare': ['field', 'tdist', true],
} as const

export type Variant = keyof typeof VARIANTS

/** What a call takes: CPU microseconds of either side, and bytes in either direction. */
export type ThriftRounds = Readonly<
  Record<'client' | 'server' | 'sent' | 'received', Record<Variant, Rounds>>
>

// A whole number of the client's batches.
const CALLS_A_BATCH = 32

/** Makes calls in each variant in turn, A B C A B C, client and server in processes of their own. */
export async function thriftRounds(
  protocol: string,
  node: NodeBinary,
  { generations, warmUps, rounds, operations }: Effort,
): Promise<ThriftRounds> {
  const names = Object.keys(VARIANTS) as Variant[]
  const none = (): Record<Variant, number[]> =>
    Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Variant, number[]>
  const measured = { client: none(), server: none(), sent: none(), received: none() }
  const calls = Math.ceil(operations / 20 / CALLS_A_BATCH) * CALLS_A_BATCH
  for (let generation = 0; generation < generations; generation++) {
    const pairs = names.map((name) => start(name, protocol, node))
    const round = async (record: boolean): Promise<void> => {
      for (const [i, name] of names.entries()) {
        const spans = VARIANTS[name][2] ? calls : 0
        const { client, server } = pairs[i]!
        const before = await server.ask<number>({ ask: 'cpu', spans: 0 })
        const { cpu, sent, received } = await client.ask<Calls>({ ask: 'call', calls, spans })
        const after = await server.ask<number>({ ask: 'cpu', spans })
        if (!record) continue
        measured.client[name].push(cpu / calls)
        measured.server[name].push((after - before) / calls)
        measured.sent[name].push(sent / calls)
        measured.received[name].push(received / calls)
      }
    }
    try {
      for (const { client, server } of pairs)
        await client.ask({ ask: 'connect', port: await server.ask<number>({ ask: 'port' }) })
      for (let i = 0; i < warmUps; i++) await round(false)
      for (let i = 0; i < rounds; i++) await round(true)
    } finally {
      await Promise.all(pairs.flatMap(({ client, server }) => [client.stop(), server.stop()]))
    }
  }
  return measured
}

function start(name: Variant, protocol: string, node: NodeBinary): { client: Child; server: Child } {
  const [client, server] = VARIANTS[name]
  const stacks = name.endsWith('bare') ? { BENCH_STACKS: '0' } : {}
  const env = { BENCH_PROTOCOL: protocol, BENCH_CLIENT: client, BENCH_SERVER: server, ...stacks }
  return {
    client: new Child('measured/thrift-client.js', { node, env }),
    server: new Child('measured/thrift-server.js', { node, env }),
  }
}
