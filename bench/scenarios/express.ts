import { above, exactly, figureOf, ratio } from '../figure.ts'
import { requestRounds, type RequestRounds } from '../request-rounds.ts'
import { atMost } from '../row.ts'
import { PEER, type Variant } from '../variants.ts'
import { scenario, type Line } from './scenario.ts'

/** The spans that a request makes. OpenTelemetry has one of its own for the middleware and for the handler. */
const VARIANTS = {
  untraced: 0,
  als: 0,
  tdist: 1,
  opentelemetry: 3,
  'tdist unsampled': 0,
  'opentelemetry unsampled': 0,
} as const satisfies Partial<Record<Variant, number>>

type Name = keyof typeof VARIANTS
type Measured = RequestRounds<Name>

const added = (cpu: Measured, variant: Name): readonly number[] => above(cpu[variant], cpu.untraced)

function adds(name: string, variant: Name): Line<Measured> {
  return {
    name,
    unit: 'µs CPU/request',
    against: 'an untraced request',
    figure: (measured) => figureOf(added(measured, variant)),
  }
}

function share(name: string, part: Name, whole: Name, limit: number): Line<Measured> {
  return {
    name,
    unit: 'ratio',
    goal: atMost(limit),
    against: `what ${PEER} adds, same run`,
    figure: (measured) => ratio(added(measured, part), added(measured, whole)),
  }
}

function spans(name: string, variant: Name): Line<Measured> {
  return {
    name,
    unit: 'spans/request',
    against: 'counted where they arrive',
    figure: () => exactly(VARIANTS[variant]),
  }
}

/** What tracing adds to an Express request that calls nothing. */
export const express = scenario<Measured>(
  'express',
  ({ major }) => [
    {
      name: 'express: untraced request',
      unit: 'µs CPU/request',
      against: 'nothing: this is the base',
      figure: (cpu) => figureOf(cpu.untraced),
    },
    adds('express: bare als.run adds', 'als'),
    adds('express: tdist adds', 'tdist'),
    adds('express: OpenTelemetry adds', 'opentelemetry'),
    share('express: tdist to OpenTelemetry', 'tdist', 'opentelemetry', major < 24 ? 1 / 8 : 1 / 12),
    adds('express, not sampled: tdist adds', 'tdist unsampled'),
    adds('express, not sampled: OpenTelemetry adds', 'opentelemetry unsampled'),
    share(
      'express, not sampled: tdist to OpenTelemetry',
      'tdist unsampled',
      'opentelemetry unsampled',
      major < 24 ? 1 / 12 : 1 / 25,
    ),
    spans('express: tdist sends', 'tdist'),
    spans('express: OpenTelemetry sends', 'opentelemetry'),
  ],
  (node, effort) => requestRounds('/items/42?colour=red', VARIANTS, node, effort),
)
