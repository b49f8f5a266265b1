import { exactly } from '../figure.ts'
import type { NodeBinary } from '../node-binary.ts'
import { type Collector, type OutageRun, outageRun, RATE } from '../outage-run.ts'
import { atMost } from '../row.ts'
import { type Effort, type Line, scenario } from './scenario.ts'

type Measured = Readonly<Record<Collector, OutageRun>>

const COLLECTORS = { http: 'Zipkin by HTTP', kinesis: 'Kinesis' } as const
/** Twice the publisher's default `maxBytes`, in MB. */
const MOST_GROWTH = (2 * (16 << 20)) / 1e6

/** What a service is like while its collector is away, and what becomes of its spans after that. */
export const outage = scenario<Measured>(
  'outage',
  (_, { outageSeconds }) => {
    const scale = `${outageSeconds} s without a collector, for ten minutes: half refused, half hanging`
    return [...linesOf('http', scale), ...linesOf('kinesis', scale)]
  },
  async (node: NodeBinary, { outageSeconds }: Effort) => ({
    http: await outageRun('http', node, outageSeconds),
    kinesis: await outageRun('kinesis', node, outageSeconds),
  }),
)

function linesOf(collector: Collector, scale: string): Line<Measured>[] {
  const name = (what: string): string => `outage, ${COLLECTORS[collector]}: ${what}`
  return [
    {
      name: name('requests'),
      unit: 'requests/s',
      against: `${RATE} a second of each service, as far as the machine does it; ${scale}`,
      figure: (runs) => exactly(runs[collector].perSecond),
    },
    {
      name: name('responses changed'),
      unit: 'responses',
      goal: atMost(0),
      against: 'the untraced service, asked for the same at the same time',
      figure: (runs) => exactly(runs[collector].different),
    },
    {
      name: name('memory'),
      unit: 'MB RSS',
      goal: atMost(MOST_GROWTH),
      against: "growth of the peak, above the untraced service's growth",
      figure: (runs) => exactly(runs[collector].growth / 1e6),
    },
    {
      name: name('lines on standard error'),
      unit: 'lines/minute',
      goal: atMost(1),
      against: 'the most within any minute',
      figure: (runs) => exactly(runs[collector].linesAMinute),
    },
    {
      name: name('spans unaccounted for'),
      unit: 'spans',
      goal: atMost(0),
      against: 'the account five times a second, and those made at the end',
      figure: (runs) => exactly(runs[collector].unaccounted),
    },
    {
      name: name('spans sent, and not arrived once'),
      unit: 'spans',
      goal: atMost(0),
      against: 'those that arrived, less those that may have gone twice',
      figure: (runs) => exactly(runs[collector].misdelivered),
    },
    {
      name: name('until spans go as they come'),
      unit: 's',
      against: 'the moment the collector is back',
      figure: (runs) => exactly(runs[collector].recovery),
    },
    {
      name: name('spans held when it was back'),
      unit: 'spans',
      against: 'the account',
      figure: (runs) => exactly(runs[collector].held),
    },
    {
      name: name('spans delivered after that'),
      unit: 'spans',
      against: 'the account',
      figure: (runs) => exactly(runs[collector].delivered),
    },
    {
      name: name('spans lost once they go as they come'),
      unit: 'spans',
      goal: atMost(0),
      against: 'the account',
      figure: (runs) => exactly(runs[collector].lostLater),
    },
  ]
}
