import { figureOf, ratio, type Rounds } from '../figure.ts'
import { loopRounds } from '../loop-rounds.ts'
import { atLeast } from '../row.ts'
import { scenario } from './scenario.ts'

type Measured = Readonly<Record<'proto3' | 'json', Rounds>>

/** A server span with four tags, encoded. */
export const encoder = scenario<Measured>(
  'encoder',
  () => [
    {
      name: 'encoder: proto3',
      unit: 'µs CPU/span',
      against: 'nothing: written to a buffer that is there',
      figure: ({ proto3 }) => figureOf(proto3),
    },
    {
      name: 'encoder: JSON.stringify',
      unit: 'µs CPU/span',
      against: 'nothing: a string, not yet bytes',
      figure: ({ json }) => figureOf(json),
    },
    {
      name: 'encoder: how many times JSON.stringify’s speed',
      unit: 'ratio',
      goal: atLeast(4),
      against: 'JSON.stringify of the same span',
      figure: ({ proto3, json }) => ratio(json, proto3),
    },
  ],
  (node, effort) =>
    loopRounds(
      { proto3: ['measured/encoder-loops.js', 'proto3'], json: ['measured/encoder-loops.js', 'json'] },
      node,
      effort,
    ),
)
