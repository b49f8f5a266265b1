import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from './child.ts'
import type { Rounds } from './figure.ts'
import type { Effort } from './scenarios/scenario.ts'
import type { NodeBinary } from './node-binary.ts'
import { startService, type Variant } from './variants.ts'

/** CPU per request of each variant, in microseconds. */
export type RequestRounds<V extends Variant> = Readonly<Record<V, Rounds>>

// Enough that the service always has a next request at hand: waking up for each is dearer, and a matter of luck.
const CONNECTIONS = 32

/**
 * Serves `path` in each variant in turn, A B C A B C, and takes the CPU time of the serving process per request,
 * until its last span has arrived. Each generation is of fresh processes: what a compiler happened to inline in
 * one of them is noise too. `variants` says how many spans a request makes in each; rejects when one more or
 * fewer arrives, so that nobody is the cheaper for what it lost.
 */
export async function requestRounds<V extends Variant>(
  path: string,
  variants: Readonly<Record<V, number>>,
  node: NodeBinary,
  { generations, warmUps, rounds, requests }: Effort,
): Promise<RequestRounds<V>> {
  const names = Object.keys(variants) as V[]
  const cpu = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<V, number[]>
  const client = new Child('load/client.js')
  const sink = new Child('load/sink.js')
  try {
    const sinkPort = await sink.ask<number>({ ask: 'port' })
    for (let generation = 0; generation < generations; generation++) {
      const services = names.map((name) => startService(name, node, sinkPort))
      const round = async (record: boolean): Promise<void> => {
        for (const [i, name] of names.entries()) {
          const run = {
            service: services[i]!,
            client,
            sink,
            path,
            requests,
            spans: requests * variants[name],
          }
          const value = await measure(run).catch((cause: unknown) => {
            throw new Error(`${name}, Node ${node.version}`, { cause })
          })
          if (record) cpu[name].push(value)
        }
      }
      try {
        for (let i = 0; i < warmUps; i++) await round(false)
        for (let i = 0; i < rounds; i++) await round(true)
      } finally {
        await Promise.all(services.map((service) => service.stop()))
      }
    }
    return cpu
  } finally {
    await Promise.all([client.stop(), sink.stop()])
  }
}

interface Run {
  readonly service: Child
  readonly client: Child
  readonly sink: Child
  readonly path: string
  readonly requests: number
  /** How many spans are to arrive. */
  readonly spans: number
}

/** CPU microseconds per request of one round. */
async function measure(run: Run): Promise<number> {
  const { service, client, sink, path, requests } = run
  const port = await service.ask<number>({ ask: 'port' })
  const before = await service.ask<number>({ ask: 'cpu' })
  await client.ask({ ask: 'drive', port, paths: [path], requests, connections: CONNECTIONS })
  await service.ask({ ask: 'flush' })
  await arrived(sink, run.spans)
  const after = await service.ask<number>({ ask: 'cpu' })
  return (after - before) / requests
}

/** Resolves when exactly so many spans have arrived. */
export async function arrived(sink: Child, expected: number): Promise<void> {
  const deadline = Date.now() + 10_000
  let count = await sink.ask<number>({ ask: 'spans', reset: false })
  while (count < expected && Date.now() < deadline) {
    await sleep(20)
    count = await sink.ask<number>({ ask: 'spans', reset: false })
  }
  await sink.ask({ ask: 'spans', reset: true })
  if (count !== expected) throw new Error(`${count} of ${expected} spans arrived`)
}
