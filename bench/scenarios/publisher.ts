import { performance } from 'node:perf_hooks'
import { Child } from '../child.ts'
import { figureOf, ratio, type Rounds } from '../figure.ts'
import type { NodeBinary } from '../node-binary.ts'
import { atLeast, atMost } from '../row.ts'
import { type Effort, type Line, scenario } from './scenario.ts'

type Lost = Readonly<Record<'burst' | 'slow' | 'flush', number>>

interface Measured {
  readonly published: Rounds
  readonly putEach: Rounds
  readonly p50: Rounds
  readonly p99: Rounds
  readonly endToEnd: Rounds
  readonly lost: readonly Lost[]
  readonly peerLost: readonly Lost[]
}

const PEER = "OpenTelemetry's BatchSpanProcessor"
const LOSSES: readonly [keyof Lost, string][] = [
  ['burst', 'a burst of 10,000 spans'],
  ['slow', '20,000 spans, calls of 20 ms'],
  ['flush', 'flushed with a call in flight'],
]

/** Spans to a Kinesis stream through the SDK, and what is lost where it is hard to keep. */
export const publisher = scenario<Measured>(
  'publisher',
  () => [
    {
      name: 'publisher: encoded, signed and sent',
      unit: 'µs CPU/span',
      goal: atMost(4),
      against: "the SDK's PutRecords to an embedded stream in another process",
      figure: ({ published }) => figureOf(published),
    },
    {
      name: 'publisher: how many times cheaper than a PutRecord a span',
      unit: 'ratio',
      goal: atLeast(100),
      against: 'the same SDK over kept connections',
      figure: ({ published, putEach }) => ratio(putEach, published),
    },
    {
      name: 'publisher: report, median',
      unit: 'µs',
      goal: atMost(2),
      against: 'nothing: the clock included',
      figure: ({ p50 }) => figureOf(p50),
    },
    {
      name: 'publisher: report, 99th percentile',
      unit: 'µs',
      goal: atMost(10),
      against: 'nothing: the clock included',
      figure: ({ p99 }) => figureOf(p99),
    },
    {
      name: 'publisher: end to end',
      unit: 'spans/s',
      goal: atLeast(200_000),
      against: 'publisher in one process, embedded stream and a reader in another',
      figure: ({ endToEnd }) => figureOf(endToEnd),
    },
    ...LOSSES.flatMap(([key, what]): Line<Measured>[] => [
      {
        name: `publisher: lost, ${what}: tdist`,
        unit: '%',
        goal: atMost(0),
        against: PEER,
        figure: ({ lost }) => figureOf(lost.map((each) => each[key])),
      },
      {
        name: `publisher: lost, ${what}: OpenTelemetry`,
        unit: '%',
        against: PEER,
        figure: ({ peerLost }) => figureOf(peerLost.map((each) => each[key])),
      },
    ]),
  ],
  measure,
)

async function measure(node: NodeBinary, { generations, warmUps, rounds, operations }: Effort) {
  const measured = {
    published: [] as number[],
    putEach: [] as number[],
    p50: [] as number[],
    p99: [] as number[],
    endToEnd: [] as number[],
    lost: [] as Lost[],
    peerLost: [] as Lost[],
  }
  for (let generation = 0; generation < generations; generation++) {
    const stream = new Child('load/stream.js', { node })
    const service = new Child('measured/publisher.js', { node })
    const round = async (record: boolean): Promise<void> => {
      const endpoint = await stream.ask<string>({ ask: 'endpoint' })
      const start = performance.now()
      const [published] = await Promise.all([
        service.ask<number>({ ask: 'publish', endpoint, count: operations }),
        stream.ask({ ask: 'read', spans: operations }),
      ])
      const seconds = (performance.now() - start) / 1000
      const { p50, p99 } = await service.ask<{ p50: number; p99: number }>({
        ask: 'offer',
        count: operations,
      })
      if (!record) return
      measured.published.push(published)
      measured.endToEnd.push(operations / seconds)
      measured.p50.push(p50)
      measured.p99.push(p99)
    }
    try {
      for (let i = 0; i < warmUps; i++) await round(false)
      for (let i = 0; i < rounds; i++) await round(true)
      measured.lost.push(await service.ask<Lost>({ ask: 'lost' }))
      measured.peerLost.push(await service.ask<Lost>({ ask: 'peerLost' }))
      const endpoint = await stream.ask<string>({ ask: 'endpoint' })
      const count = Math.ceil(operations / 50)
      await service.ask({ ask: 'putEach', endpoint, count })
      // As many as there are of the other, so that rounds can be compared.
      for (let i = 0; i < rounds; i++) {
        measured.putEach.push(await service.ask<number>({ ask: 'putEach', endpoint, count }))
      }
    } finally {
      await Promise.all([service.stop(), stream.stop()])
    }
  }
  return measured
}
