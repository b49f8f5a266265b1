import { figureOf, ratio, type Rounds } from '../figure.ts'
import { loopRounds } from '../loop-rounds.ts'
import { atMost } from '../row.ts'
import { PEER } from '../variants.ts'
import { scenario } from './scenario.ts'

type Measured = Readonly<Record<'child' | 'root' | 'peerChild' | 'peerRoot', Rounds>>

/** One local span: start, run with four tags, finish, encode, queue. */
export const span = scenario<Measured>(
  'span',
  () => [
    {
      name: 'span: tdist, below a request',
      unit: 'µs CPU/span',
      goal: atMost(0.5),
      against: 'a goal of its own',
      figure: ({ child }) => figureOf(child),
    },
    {
      name: 'span: OpenTelemetry, below a request',
      unit: 'µs CPU/span',
      against: `${PEER} to an exporter that does nothing`,
      figure: ({ peerChild }) => figureOf(peerChild),
    },
    {
      name: 'span: tdist to OpenTelemetry',
      unit: 'ratio',
      goal: atMost(2 / 5),
      against: `${PEER} to an exporter that does nothing`,
      figure: ({ child, peerChild }) => ratio(child, peerChild),
    },
    {
      name: 'span: tdist, a trace of its own',
      unit: 'µs CPU/span',
      against: 'the same with no request round it',
      figure: ({ root }) => figureOf(root),
    },
    {
      name: 'span: OpenTelemetry, a trace of its own',
      unit: 'µs CPU/span',
      against: 'the same with no request round it',
      figure: ({ peerRoot }) => figureOf(peerRoot),
    },
  ],
  (node, effort) =>
    loopRounds(
      {
        child: ['measured/tdist-loops.js', 'child'],
        peerChild: ['measured/opentelemetry-loops.js', 'child'],
        root: ['measured/tdist-loops.js', 'root'],
        peerRoot: ['measured/opentelemetry-loops.js', 'root'],
      },
      node,
      effort,
    ),
)
