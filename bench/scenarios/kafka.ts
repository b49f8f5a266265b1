import { above, figureOf, ratio } from '../figure.ts'
import { kafkaRounds, type KafkaRounds, type Variant } from '../kafka-rounds.ts'
import { atMost, type Goal } from '../row.ts'
import { scenario, type Line } from './scenario.ts'

type Side = keyof KafkaRounds

const SIDES: readonly Side[] = ['produce', 'consume']

/** Messages of 200 bytes, 20 a call, through a real broker; either side by itself. */
export const kafka = scenario<KafkaRounds>(
  'kafka',
  () =>
    SIDES.flatMap((side) => [
      base(side),
      adds(side, 'als', 'bare als.run adds', 'untraced'),
      adds(side, 'headers', 'tdist by header adds', 'als', atMost(4)),
      adds(side, 'payload', 'tdist by envelope adds', 'als', atMost(5)),
      adds(side, 'unsampled', 'tdist by header, not sampled, adds', 'als'),
      adds(side, 'opentelemetry', 'OpenTelemetry adds', 'als'),
      {
        name: `kafka, ${side}: tdist by header to OpenTelemetry`,
        unit: 'ratio',
        against: 'what OpenTelemetry 0.32 for kafkajs adds, same run',
        figure: ({ [side]: rounds }: KafkaRounds) =>
          ratio(above(rounds.headers, rounds.als), above(rounds.opentelemetry, rounds.als)),
      },
    ]),
  kafkaRounds,
)

function base(side: Side): Line<KafkaRounds> {
  return {
    name: `kafka, ${side}: untraced message`,
    unit: 'µs CPU/message',
    against: 'nothing: this is the base',
    figure: (measured) => figureOf(measured[side].untraced),
  }
}

function adds(
  side: Side,
  variant: Variant,
  what: string,
  from: 'untraced' | 'als',
  goal?: Goal,
): Line<KafkaRounds> {
  return {
    name: `kafka, ${side}: ${what}`,
    unit: 'µs CPU/message',
    ...(goal ? { goal } : {}),
    against: from === 'als' ? 'a message in a bare als.run' : 'an untraced message',
    figure: (measured) => figureOf(above(measured[side][variant], measured[side][from])),
  }
}
