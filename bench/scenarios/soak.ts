import { Child } from '../child.ts'
import { exactly, type Figure } from '../figure.ts'
import type { NodeBinary } from '../node-binary.ts'
import type { ServiceState } from '../measured/service.ts'
import { arrived } from '../request-rounds.ts'
import { atMost } from '../row.ts'
import { startService } from '../variants.ts'
import { type Effort, scenario } from './scenario.ts'

interface Measured {
  /** Bytes reachable after each tenth of the requests. */
  readonly heap: readonly number[]
  /** By how many spans the publisher's account was off. */
  readonly wrong: number
}

const MARKS = 10
const CONNECTIONS = 32
/** No two requests ask for the same; every tenth makes a call with undici. */
const PATHS = [...Array.from({ length: 9 }, () => '/items/:n?page=:n'), '/stock/:n']
const SPANS_PER_REQUEST = 1.1

/** Whether memory grows with the requests that were served. */
export const soak = scenario<Measured>(
  'soak',
  (_, { soakRequests }) => [
    {
      name: 'soak: heap growth',
      unit: 'MB',
      goal: atMost(1),
      against: `after ${soakRequests} requests, above after ${soakRequests / MARKS}`,
      figure: ({ heap }) => growth(heap),
    },
    {
      name: 'soak: spans not sent',
      unit: 'spans',
      goal: atMost(0),
      against: 'those made, the account and those that arrived, at every tenth',
      figure: ({ wrong }) => exactly(wrong),
    },
  ],
  measure,
)

/** From the first mark to the last; least and most are those of the marks between. */
function growth([first, ...rest]: readonly number[]): Figure {
  const grown = rest.map((bytes) => (bytes - first!) / 1e6)
  return { value: grown.at(-1)!, min: Math.min(...grown), max: Math.max(...grown) }
}

async function measure(node: NodeBinary, { soakRequests }: Effort): Promise<Measured> {
  const client = new Child('load/client.js')
  const sink = new Child('load/sink.js')
  const service = startService('tdist', node, await sink.ask<number>({ ask: 'port' }))
  const heap: number[] = []
  let wrong = 0
  const requests = soakRequests / MARKS
  const spans = Math.round(requests * SPANS_PER_REQUEST)
  try {
    const port = await service.ask<number>({ ask: 'port' })
    for (let mark = 1; mark <= MARKS; mark++) {
      await client.ask({ ask: 'drive', port, paths: PATHS, requests, connections: CONNECTIONS })
      await service.ask({ ask: 'flush' })
      await arrived(sink, spans)
      const { account } = await service.ask<ServiceState>({ ask: 'state' })
      wrong += Math.abs(spans * mark - account!.sent) + Math.abs(account!.offered - account!.sent)
      heap.push(await service.ask<number>({ ask: 'heap' }))
    }
    return { heap, wrong }
  } finally {
    await Promise.all([client.stop(), sink.stop(), service.stop()])
  }
}
