import { figureOf, type Rounds } from '../figure.ts'
import { loopRounds } from '../loop-rounds.ts'
import { atMost } from '../row.ts'
import { PEER } from '../variants.ts'
import { scenario } from './scenario.ts'

type Measured = Readonly<Record<'als' | 'run' | 'trace' | 'peer', Rounds>>

const unit = 'µs CPU/call'

/** What is left to do where a trace is not sampled. */
export const unsampled = scenario<Measured>(
  'unsampled',
  () => [
    {
      name: 'unsampled: bare als.run',
      unit,
      against: 'nothing: this is the base',
      figure: ({ als }) => figureOf(als),
    },
    {
      name: 'unsampled: dataManager.run with a span not recorded',
      unit,
      goal: atMost(0.02),
      against: 'a goal of its own',
      figure: ({ run }) => figureOf(run),
    },
    {
      name: 'unsampled: tracer.trace below it',
      unit,
      goal: atMost(0.3),
      against: 'a goal of its own',
      figure: ({ trace }) => figureOf(trace),
    },
    {
      name: 'unsampled: OpenTelemetry’s startActiveSpan',
      unit,
      against: PEER,
      figure: ({ peer }) => figureOf(peer),
    },
  ],
  (node, effort) =>
    loopRounds(
      {
        als: ['measured/tdist-loops.js', 'als'],
        run: ['measured/tdist-loops.js', 'run'],
        trace: ['measured/tdist-loops.js', 'trace'],
        peer: ['measured/opentelemetry-loops.js', 'trace'],
      },
      node,
      { ...effort, operations: effort.operations * 5 },
      { BENCH_SAMPLED: '0' },
    ),
)
