import { figureOf } from '../figure.ts'
import { atMost } from '../row.ts'
import { startRounds, type StartCost } from '../start-rounds.ts'
import { PEER } from '../variants.ts'
import { scenario } from './scenario.ts'

type Measured = Readonly<Record<'tdist' | 'opentelemetry' | 'http', StartCost>>

/** What `--import tdist/register` adds to a process's start, everything on but the AWS SDK. */
export const start = scenario<Measured>(
  'start',
  ({ major }) => [
    {
      name: 'start: CPU that tdist adds',
      unit: 'ms CPU',
      goal: atMost(10),
      against: 'a start that preloads an empty file',
      figure: ({ tdist }) => figureOf(tdist.cpuMs),
    },
    {
      name: 'start: memory that tdist adds',
      unit: 'MB RSS',
      goal: atMost(major < 24 ? 4 : 5),
      against: 'a start that preloads an empty file',
      figure: ({ tdist }) => figureOf(tdist.rssMb),
    },
    {
      name: 'start: CPU that OpenTelemetry adds',
      unit: 'ms CPU',
      against: `the same; ${PEER} as in the other rows`,
      figure: ({ opentelemetry }) => figureOf(opentelemetry.cpuMs),
    },
    {
      name: 'start: memory that OpenTelemetry adds',
      unit: 'MB RSS',
      against: `the same; ${PEER} as in the other rows`,
      figure: ({ opentelemetry }) => figureOf(opentelemetry.rssMb),
    },
    {
      name: 'start: CPU that node:http alone adds',
      unit: 'ms CPU',
      against: 'the same; every service loads it',
      figure: ({ http }) => figureOf(http.cpuMs),
    },
    {
      name: 'start: memory that node:http alone adds',
      unit: 'MB RSS',
      against: 'the same; every service loads it',
      figure: ({ http }) => figureOf(http.rssMb),
    },
  ],
  (node, { starts }) => startRounds(['tdist', 'opentelemetry', 'http'], node, starts),
)
