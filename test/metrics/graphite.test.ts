import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTracing, type Sender } from 'tdist'

const NOWHERE: Sender = {
  encoding: 'proto3',
  maxRecordBytes: 51_200,
  maxRecords: 1,
  maxCallBytes: 51_200,
  send: () => Promise.resolve(),
}

test('Graphite gets a line for each value, as Carbon reads it', async () => {
  const tracing = createTracing({ serviceName: 'shop.eu', sender: NOWHERE })
  tracing.tracer.trace('work', () => {})
  await tracing.close()
  tracing.faults['http rule'] = 2
  const before = Math.floor(Date.now() / 1000)
  const text = tracing.metrics('graphite')
  const values = new Map<string, number>()
  for (const line of text.trimEnd().split('\n')) {
    const [, path, value, seconds] = /^(tdist\.shop_eu\.[\w.-]+) ([\d.]+) (\d+)$/.exec(line) ?? []
    assert.ok(path, line)
    values.set(path, Number(value))
    assert.ok(Number(seconds) >= before && Number(seconds) <= Date.now() / 1000)
  }
  assert.equal(values.size, text.trimEnd().split('\n').length, 'each path stands once')
  assert.equal(values.get('tdist.shop_eu.spans_sent_total'), 1)
  assert.equal(values.get('tdist.shop_eu.spans_dropped_total.full'), 0)
  assert.equal(values.get('tdist.shop_eu.faults_total.http_rule'), 2)
  assert.equal(values.get('tdist.shop_eu.record_spans_bucket.5'), 1)
  assert.equal(values.get('tdist.shop_eu.record_spans_count'), 1)
  assert.ok(text.endsWith('\n'))
})

test('the prefix is the one that was asked for', () => {
  const tracing = createTracing({ serviceName: 'shop', sender: NOWHERE })
  assert.match(tracing.metrics('graphite', 'prod.host1'), /^prod\.host1\.spans_offered_total 0 \d+\n/)
  assert.match(tracing.metrics('statsd', 'prod.host1'), /^prod\.host1\.spans_queued:0\|g\n/)
})

test('StatsD gets increments of what grows, and gauges of the rest', async () => {
  const tracing = createTracing({ serviceName: 'shop', sender: NOWHERE })
  const counters = () => {
    const lines = tracing.metrics('statsd').trimEnd().split('\n')
    for (const line of lines) assert.match(line, /^tdist\.shop\.[\w.-]+:[\d.]+\|[cg]$/)
    return lines.filter((line) => line.endsWith('|c') && line.includes('.spans_'))
  }
  assert.deepEqual(counters(), [])
  tracing.tracer.trace('work', () => {})
  tracing.tracer.trace('work', () => {})
  assert.deepEqual(counters(), ['tdist.shop.spans_offered_total:2|c'])
  tracing.tracer.trace('work', () => {})
  await tracing.close()
  assert.deepEqual(counters(), ['tdist.shop.spans_offered_total:1|c', 'tdist.shop.spans_sent_total:3|c'])
  assert.deepEqual(counters(), [])
  assert.match(tracing.metrics('statsd'), /^tdist\.shop\.spans_queued:0\|g$/m)
})
