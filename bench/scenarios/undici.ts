import { above, exactly, figureOf, ratio } from '../figure.ts'
import { requestRounds, type RequestRounds } from '../request-rounds.ts'
import { atMost } from '../row.ts'
import { PEER, type Variant } from '../variants.ts'
import { scenario, type Line } from './scenario.ts'

/** The spans that a request makes. */
const VARIANTS = { untraced: 0, als: 0, tdist: 2, opentelemetry: 4 } as const satisfies Partial<
  Record<Variant, number>
>

type Name = keyof typeof VARIANTS
type Measured = RequestRounds<Name>

/*
 * Above a run that only calls als.run: on Node 20 that alone makes every promise of the request dearer, whoever
 * calls it, and it is no part of what a tracer's own code costs.
 */
const added = (cpu: Measured, variant: Name): readonly number[] => above(cpu[variant], cpu.als)

function adds(name: string, variant: Name): Line<Measured> {
  return {
    name,
    unit: 'µs CPU/request',
    against: 'a request in a bare als.run',
    figure: (measured) => figureOf(added(measured, variant)),
  }
}

/** What tracing adds to an Express request that makes one call with undici. */
export const undici = scenario<Measured>(
  'undici',
  ({ major }) => [
    {
      name: 'undici: untraced request',
      unit: 'µs CPU/request',
      against: 'nothing: this is the base',
      figure: (cpu) => figureOf(cpu.untraced),
    },
    {
      name: 'undici: bare als.run adds',
      unit: 'µs CPU/request',
      against: 'an untraced request',
      figure: (cpu) => figureOf(above(cpu.als, cpu.untraced)),
    },
    adds('undici: tdist adds', 'tdist'),
    adds('undici: OpenTelemetry adds', 'opentelemetry'),
    {
      name: 'undici: tdist to OpenTelemetry',
      unit: 'ratio',
      goal: atMost(major < 24 ? 1 / 6 : 1 / 8),
      against: `what ${PEER} adds, same run`,
      figure: (measured) => ratio(added(measured, 'tdist'), added(measured, 'opentelemetry')),
    },
    {
      name: 'undici: tdist sends',
      unit: 'spans/request',
      against: 'counted where they arrive',
      figure: () => exactly(VARIANTS.tdist),
    },
    {
      name: 'undici: OpenTelemetry sends',
      unit: 'spans/request',
      against: 'counted where they arrive',
      figure: () => exactly(VARIANTS.opentelemetry),
    },
  ],
  (node, effort) => requestRounds('/stock/42', VARIANTS, node, effort),
)
