import { above, figureOf } from '../figure.ts'
import { atMost, type Goal } from '../row.ts'
import { thriftRounds, type ThriftRounds, type Variant } from '../thrift-rounds.ts'
import { scenario, type Line } from './scenario.ts'

/** What each protocol may cost: CPU a call and side, and bytes by the field and by the prefix. */
const PROTOCOLS = {
  binary: { cpu: 5, field: 87, prefix: 41 },
  compact: { cpu: 5, field: 80, prefix: 41 },
  json: { cpu: 5, field: 109, prefix: 41 },
} as const

type Protocol = keyof typeof PROTOCOLS
type Measured = Readonly<Record<Protocol, ThriftRounds>>
type Side = 'client' | 'server'

const SIDES: readonly Side[] = ['client', 'server']
const MODES: readonly Variant[] = ['off', 'field', 'prefix', 'auto']

const BASES = {
  untraced: 'an untraced call',
  als: 'a call in a bare als.run',
  'als bare': 'a call in a bare als.run, no stacks',
} as const

/** Two numbers added by a framed call, either side by itself. */
export const thrift = scenario<Measured>(
  'thrift',
  () =>
    (Object.keys(PROTOCOLS) as Protocol[]).flatMap((protocol) => {
      const { cpu, field, prefix } = PROTOCOLS[protocol]
      return [
        ...SIDES.flatMap((side) => [
          base(protocol, side),
          adds(protocol, side, 'als', 'bare als.run adds', 'untraced'),
          ...MODES.map((mode) => adds(protocol, side, mode, `${mode} adds`, 'als', atMost(cpu))),
          adds(protocol, side, 'unsampled', 'not sampled adds', 'als'),
          adds(protocol, side, 'field bare', 'field adds, no stacks', 'als bare'),
        ]),
        adds(protocol, 'server', 'plain', 'skipping the field adds, untraced', 'untraced'),
        bytes(protocol, 'sent', 'field', atMost(field)),
        bytes(protocol, 'sent', 'prefix', atMost(prefix)),
        bytes(protocol, 'received', 'field', atMost(0)),
        bytes(protocol, 'received', 'prefix'),
      ]
    }),
  async (node, effort) => ({
    binary: await thriftRounds('binary', node, effort),
    compact: await thriftRounds('compact', node, effort),
    json: await thriftRounds('json', node, effort),
  }),
)

function base(protocol: Protocol, side: Side): Line<Measured> {
  return {
    name: `thrift ${protocol}, ${side}: untraced call`,
    unit: 'µs CPU/call',
    against: 'nothing: this is the base',
    figure: (measured) => figureOf(measured[protocol][side].untraced),
  }
}

function adds(
  protocol: Protocol,
  side: Side,
  variant: Variant,
  what: string,
  from: keyof typeof BASES,
  goal?: Goal,
): Line<Measured> {
  return {
    name: `thrift ${protocol}, ${side}: ${what}`,
    unit: 'µs CPU/call',
    ...(goal ? { goal } : {}),
    against: BASES[from],
    figure: (measured) => figureOf(above(measured[protocol][side][variant], measured[protocol][side][from])),
  }
}

function bytes(
  protocol: Protocol,
  direction: 'sent' | 'received',
  variant: Variant,
  goal?: Goal,
): Line<Measured> {
  return {
    name: `thrift ${protocol}: ${variant} adds to ${direction === 'sent' ? 'a call' : 'its reply'}`,
    unit: 'bytes',
    ...(goal ? { goal } : {}),
    against: 'an untraced call',
    figure: (measured) =>
      figureOf(above(measured[protocol][direction][variant], measured[protocol][direction].untraced)),
  }
}
