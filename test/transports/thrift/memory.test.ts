import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import type { Order } from './memory-side.ts'

const CONNECTIONS = 16

/** A client and a server, each in a process of its own. */
class Pair {
  readonly #client: ChildProcess
  readonly #server: ChildProcess

  constructor(how: 'traced' | 'untraced') {
    const start = (): ChildProcess =>
      fork(new URL('memory-side.js', import.meta.url), [how], { execArgv: ['--expose-gc'] })
    this.#client = start()
    this.#server = start()
  }

  /** By how much more either side holds after one large message and many small ones than before, the connection open. */
  async grown(
    wire: { processor: 'plain' | 'mux'; transport: string; protocol: string },
    propagation: string,
  ) {
    const port = (await ask(this.#server, { serve: wire })) as number
    await ask(this.#client, { call: wire, port, propagation } as Order)
    const sides = [this.#client, this.#server]
    const held = (): Promise<number[]> =>
      Promise.all(sides.map((side) => ask(side, 'held') as Promise<number>))
    const before = await held()
    await ask(this.#client, 'big')
    const [client, server] = (await held()).map((bytes, i) => bytes - before[i]!)
    return { client: client!, server: server! }
  }

  stop(): void {
    this.#client.disconnect()
    this.#server.disconnect()
    this.#client.kill()
    this.#server.kill()
  }
}

async function ask(side: ChildProcess, order: Order): Promise<unknown> {
  side.send(order)
  const [answer] = (await once(side, 'message')) as unknown[]
  return answer
}

describe('a long-lived Thrift connection', () => {
  let untraced: Pair
  let traced: Pair
  before(() => {
    untraced = new Pair('untraced')
    traced = new Pair('traced')
  })
  after(() => {
    untraced.stop()
    traced.stop()
  })

  const wires = [
    { processor: 'plain', transport: 'buffered', propagation: 'field' },
    { processor: 'plain', transport: 'framed', propagation: 'prefix' },
    { processor: 'mux', transport: 'buffered', propagation: 'auto' },
  ] as const
  for (const { processor, transport, propagation } of wires)
    // To read and to write 200 kB in JSON takes npm's thrift long: once will do.
    for (const protocol of processor === 'mux' ? ['json'] : ['binary', 'compact'])
      it(`${processor}, ${transport}, ${protocol}, ${propagation}: gives memory back`, async (t) => {
        const wire = { processor, transport, protocol }
        // What is kept is kept each time. What the heap happens to hold is not.
        const kept = { client: Infinity, server: Infinity }
        for (let tries = 3; tries > 0 && Math.max(kept.client, kept.server) > CONNECTIONS * 65_536; tries--) {
          const [plain, ours] = await Promise.all([
            untraced.grown(wire, propagation),
            traced.grown(wire, propagation),
          ])
          t.diagnostic(JSON.stringify({ plain, ours }))
          for (const side of ['client', 'server'] as const)
            kept[side] = Math.min(kept[side], ours[side] - plain[side])
        }
        for (const side of ['client', 'server'] as const)
          assert.ok(kept[side] <= CONNECTIONS * 65_536, `${side}: ${kept[side]}`)
      })
})
