import assert from 'node:assert/strict'
import { afterEach, describe, it, mock } from 'node:test'
import { Collector } from 'tdist-server/collector'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import { span } from '../../../test/support/trace-spans.js'

const spans = [span(1, undefined, 'shop', 'a', 0, 10), span(2, 1, 'shop', 'b', 1, 5)]
const record = Buffer.from(JSON.stringify(spans))

describe('Collector', () => {
  afterEach(() => mock.restoreAll())

  it('hands the spans of a record and the record to its sink, and counts them', async () => {
    const taken: [ZipkinSpan[], Uint8Array][] = []
    const collector = new Collector((...args) => void taken.push(args))
    await collector.accept(record)
    assert.deepEqual(
      taken[0]?.[0].map(({ name }) => name),
      ['a', 'b'],
    )
    assert.equal(taken[0]?.[1], record)
    const expected = { messages: 1, messagesDropped: 0, bytes: record.length, spans: 2, spansDropped: 0 }
    assert.deepEqual({ ...collector.metrics }, expected)
  })

  it('waits for its sink', async () => {
    let free: () => void = () => {}
    const collector = new Collector(() => new Promise((resolve) => (free = resolve)))
    let isAccepted = false
    const accepting = collector.accept(record).then(() => (isAccepted = true))
    await new Promise(setImmediate)
    assert.equal(isAccepted, false)
    free()
    await accepting
  })

  it('counts what it cannot read and says it once', async () => {
    const lines: string[] = []
    mock.method(process.stderr, 'write', (line: string) => lines.push(line))
    const collector = new Collector(() => assert.fail('nothing to take'))
    const malformed = ['', 'hello', '[', '[{"id":"1"}]', '\x0a\xff', '\x1f\x8b\x00', '\xf3\x89\x9a\xc2']
    for (const bytes of malformed) await collector.accept(Buffer.from(bytes, 'latin1'))
    await collector.accept(Buffer.from('[]'))
    mock.restoreAll()
    assert.equal(collector.metrics.messages, malformed.length + 1)
    assert.equal(collector.metrics.messagesDropped, malformed.length)
    assert.equal(collector.metrics.spans, 0)
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /^tdist-server: dropped a record of 0 bytes.*\n$/)
  })

  it('counts the spans that its sink refuses', async () => {
    mock.method(process.stderr, 'write', () => true)
    const throwing = new Collector(() => {
      throw new Error('full')
    })
    const rejecting = new Collector(() => Promise.reject(new Error('full')))
    for (const collector of [throwing, rejecting]) {
      await collector.accept(record)
      assert.equal(collector.metrics.spansDropped, 2)
    }
  })
})
