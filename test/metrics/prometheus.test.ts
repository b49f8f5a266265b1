import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { createTracing, registerMetrics, type Sender } from 'tdist'

const NOWHERE: Sender = {
  encoding: 'proto3',
  maxRecordBytes: 51_200,
  maxRecords: 1,
  maxCallBytes: 51_200,
  send: () => Promise.resolve(),
}

async function tracedThrice(serviceName = 'shop') {
  const tracing = createTracing({ serviceName, sender: NOWHERE })
  for (let i = 0; i < 3; i++) tracing.tracer.trace('work', () => {})
  await tracing.close()
  tracing.tracer.trace('too late', () => {})
  return tracing
}

test('the text is what Prometheus scrapes', async () => {
  const tracing = await tracedThrice()
  tracing.faults['http rule'] = 2
  const text = tracing.metrics()
  for (const line of [
    '# HELP tdist_spans_offered_total Spans given to the publisher.',
    '# TYPE tdist_spans_offered_total counter',
    'tdist_spans_offered_total{service="shop"} 4',
    'tdist_spans_sent_total{service="shop"} 3',
    'tdist_spans_dropped_total{service="shop",reason="shutdown"} 1',
    'tdist_spans_dropped_total{service="shop",reason="full"} 0',
    '# TYPE tdist_spans_queued gauge',
    'tdist_breaker_state{service="shop",state="closed"} 1',
    'tdist_breaker_state{service="shop",state="open"} 0',
    '# TYPE tdist_record_spans histogram',
    'tdist_record_spans_bucket{service="shop",le="1"} 0',
    'tdist_record_spans_bucket{service="shop",le="5"} 1',
    'tdist_record_spans_bucket{service="shop",le="+Inf"} 1',
    'tdist_record_spans_sum{service="shop"} 3',
    'tdist_record_spans_count{service="shop"} 1',
    'tdist_call_duration_seconds_bucket{service="shop",le="0.005"} ',
    'tdist_faults_total{service="shop",place="http rule"} 2',
  ]) {
    assert.ok(`\n${text}`.includes(`\n${line}`), `${line} is missing in\n${text}`)
  }
  assert.ok(text.endsWith('\n'))
  const sample = /^tdist_\w+\{service="shop"(,\w+="[^"]*")?\} ([\d.]+|\+Inf)$/
  const comment = /^# (HELP tdist_\w+ [A-Z0-9].*\.|TYPE tdist_\w+ (counter|gauge|histogram))$/
  for (const line of text.trimEnd().split('\n')) {
    assert.ok(sample.test(line) || comment.test(line), line)
  }
})

test('a name may hold anything', async () => {
  const tracing = await tracedThrice('a "b" \\ c\nd')
  assert.ok(tracing.metrics().includes('tdist_spans_sent_total{service="a \\"b\\" \\\\ c\\nd"} 3\n'))
})

test('prom-client writes the same, beside its own', async () => {
  const tracing = await tracedThrice()
  tracing.faults['http rule'] = 2
  const registry = new Registry()
  registerMetrics(tracing, registry)
  const lines = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map(withSortedLabels)
  assert.deepEqual(lines(await registry.metrics()), lines(tracing.metrics()))
  tracing.tracer.trace('later', () => {})
  assert.match(await registry.metrics(), /^tdist_spans_offered_total\{service="shop"\} 5$/m)
  assert.throws(() => registerMetrics(tracing, registry), /already been registered/)
})

test('prom-client writes OpenMetrics, and sums up workers', async () => {
  const { AggregatorRegistry } = await import('prom-client')
  const tracing = await tracedThrice()
  const registry = new Registry()
  registerMetrics(tracing, registry)
  const both = AggregatorRegistry.aggregate([
    await registry.getMetricsAsJSON(),
    await registry.getMetricsAsJSON(),
  ])
  const sum = await both.metrics()
  assert.match(sum, /^tdist_spans_sent_total\{service="shop"\} 6$/m)
  assert.match(sum, /^tdist_record_spans_count\{service="shop"\} 2$/m)
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  for (let i = 0; i < 2; i++) {
    const text = await registry.metrics()
    assert.match(text, /^# TYPE tdist_spans_sent counter$/m)
    assert.match(text, /^tdist_spans_sent_total\{service="shop"\} 3$/m)
    assert.match(text, /^tdist_spans_dropped_total\{service="shop",reason="shutdown"\} 1$/m)
    assert.match(text, /# EOF\n$/)
  }
})

test('metrics of a tracing that is off are there, and zero', () => {
  const tracing = createTracing({ serviceName: 'shop', enabled: false })
  assert.match(tracing.metrics(), /^tdist_spans_offered_total\{service="shop"\} 0$/m)
})

test('metrics that fail are a counted fault and an empty text', () => {
  const tracing = createTracing({ serviceName: 'shop', sender: NOWHERE })
  tracing.publisher.stats = () => {
    throw new Error('broken')
  }
  assert.equal(tracing.metrics(), '')
  assert.equal(tracing.metrics('graphite'), '')
  assert.equal(tracing.metrics('statsd'), '')
  assert.equal(tracing.faults['metrics'], 3)
})

/** prom-client may write the labels in another order. */
function withSortedLabels(line: string): string {
  return line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join(',')}}`)
}
