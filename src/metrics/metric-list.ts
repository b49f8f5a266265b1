import type { HistogramStats } from '../publisher/histogram.ts'
import type { BreakerState, PublisherStats } from '../publisher/metrics.ts'

/** What metrics are read from: a `Tracing`. */
export interface MetricSource {
  readonly serviceName: string
  readonly publisher: { stats(): PublisherStats }
  readonly faults: Readonly<Record<string, number>>
  readonly messageDelays: Readonly<Record<string, number>>
  readonly endedByAge: Readonly<Record<string, number>>
  failed(where: string, error: unknown): void
}

/** A metric in Prometheus's terms; the other formats are made from it. */
export interface Metric {
  /** The name by Prometheus's conventions: in base units, and with `_total` for what only grows. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly Sample[]
  /** How the values of several processes become one. */
  readonly aggregator: 'sum' | 'max'
}

export interface Sample {
  /** What follows the metric's name: `_bucket`, `_sum` and `_count` of a histogram, else nothing. */
  readonly suffix: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const STATES: readonly BreakerState[] = ['closed', 'open', 'half-open']

/** All metrics as they stand now. `docs/operations.md` says what each one means. */
export function metricsOf({ publisher, faults, messageDelays, endedByAge }: MetricSource): Metric[] {
  const stats = publisher.stats()
  return [
    counter('spans_offered', 'Spans given to the publisher.', stats.offered),
    counter('spans_sent', 'Spans taken by the collector.', stats.sent),
    counter('spans_in_doubt', 'Spans sent without an answer, stored or not.', stats.inDoubt),
    labelled('counter', 'spans_dropped_total', 'Spans dropped, by reason.', 'reason', stats.dropped),
    gauge('spans_queued', 'Spans that wait to be sent.', stats.queued),
    gauge('spans_in_flight', 'Spans in calls that have not ended.', stats.inFlight),
    gauge('memory_bytes', 'Memory held for spans that wait or are in flight.', stats.bytes),
    gauge('oldest_span_age_seconds', 'Age of the oldest span not sent yet.', stats.oldestMs / 1000, 'max'),
    counter('calls', 'Calls of the sender.', stats.calls),
    counter('calls_failed', 'Calls in which nothing was sent.', stats.failedCalls),
    counter('records_retried', 'Records sent again, each time counted.', stats.retriedRecords),
    counter('records_throttled', 'Records refused as too much at once.', stats.throttledRecords),
    counter('spans_possibly_duplicated', 'Spans sent again as no answer came.', stats.possibleDuplicates),
    gauge('pace_bytes_per_second', 'How fast records may go out; +Inf when unpaced.', stats.bytesPerSecond),
    labelled(
      'gauge',
      'breaker_state',
      '1 for the state the breaker is in.',
      'state',
      Object.fromEntries(STATES.map((state) => [state, state === stats.breaker ? 1 : 0])),
    ),
    histogram('record_spans', 'Spans in a record.', stats.recordSpans),
    histogram('call_bytes', 'Bytes in a call.', stats.callBytes),
    histogram('call_duration_seconds', 'How long calls took.', stats.callMs, 1000),
    counter('worker_deaths', 'Sending threads that ended and were started again.', stats.workerDeaths),
    labelled('counter', 'faults_total', 'Failures of tracing itself, by place.', 'place', faults),
    labelled(
      'counter',
      'spans_ended_by_age_total',
      'Spans nothing else ended, by place.',
      'place',
      endedByAge,
    ),
    labelled(
      'gauge',
      'message_delay_seconds',
      'How long the message handled last was on its way, by topic.',
      'topic',
      messageDelays,
      1000,
      'max',
    ),
  ]
}

function counter(name: string, help: string, value: number): Metric {
  return {
    name: `tdist_${name}_total`,
    help,
    type: 'counter',
    aggregator: 'sum',
    samples: [{ suffix: '', labels: {}, value }],
  }
}

function gauge(name: string, help: string, value: number, aggregator: 'sum' | 'max' = 'sum'): Metric {
  return {
    name: `tdist_${name}`,
    help,
    type: 'gauge',
    aggregator,
    samples: [{ suffix: '', labels: {}, value }],
  }
}

function labelled(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, number>>,
  unit = 1,
  aggregator: 'sum' | 'max' = 'sum',
): Metric {
  const samples = Object.entries(values).map(([of, value]) => ({
    suffix: '',
    labels: { [label]: of },
    value: value / unit,
  }))
  return { name: `tdist_${name}`, help, type, aggregator, samples }
}

/** `unit`: what the values are divided by to be in the base unit: 1000 for milliseconds. */
function histogram(name: string, help: string, stats: HistogramStats, unit = 1): Metric {
  let below = 0
  const samples: Sample[] = stats.counts.map((count, i) => {
    const bound = stats.bounds[i]
    below += count
    return {
      suffix: '_bucket',
      labels: { le: bound === undefined ? '+Inf' : String(bound / unit) },
      value: below,
    }
  })
  samples.push(
    { suffix: '_sum', labels: {}, value: stats.sum / unit },
    { suffix: '_count', labels: {}, value: stats.count },
  )
  return { name: `tdist_${name}`, help, type: 'histogram', aggregator: 'sum', samples }
}
