import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import { type TraceEnd, TraceWindow, type TraceWindowOptions } from '#server/traces/trace-window.js'
import { call, span } from '../../../test/support/trace-spans.js'

const root = span(1, undefined, 'shop', 'GET /cart', 0, 9000, { kind: 'SERVER' })
const [client, server] = call(2, 1, ['shop', 'catalog'], 'GET /items', 1000, 3000)

describe('TraceWindow', () => {
  let now = 0
  let out: { names: (string | undefined)[]; end: TraceEnd }[] = []

  beforeEach(() => {
    now = 0
    out = []
  })

  function open(options: Partial<TraceWindowOptions> = {}): TraceWindow {
    const onTrace = (spans: ZipkinSpan[], end: TraceEnd): void => {
      out.push({ names: spans.map(({ name }) => name), end })
    }
    return new TraceWindow({ settleMs: 1000, maxAgeMs: 30_000, now: () => now, onTrace, ...options })
  }

  function sweepAt(window: TraceWindow, time: number): TraceEnd[] {
    now = time
    window.sweep()
    return out.map(({ end }) => end)
  }

  it('lets a trace out when its root and all parents are here and nothing came for a while', () => {
    const window = open()
    window.add([server, client])
    now = 500
    window.add([root])
    assert.deepEqual(sweepAt(window, 1499), [])
    assert.deepEqual(sweepAt(window, 1500), ['complete'])
    assert.equal(out[0]?.names.length, 3)
    assert.deepEqual(window.stats(), {
      ends: { complete: 1, overdue: 0, evicted: 0, late: 0, closed: 0 },
      traces: 0,
      spans: 0,
      bytes: 0,
      duplicates: 0,
    })
  })

  const incomplete: [string, ZipkinSpan[]][] = [
    ['its root', [client, server]],
    ['a parent', [root, span(4, 3, 'shop', 'child', 1, 1)]],
    ['the client of a shared ID', [root, server]],
    ['the client of a shared ID that says nothing of a parent', [{ ...server, parentId: undefined }]],
  ]
  for (const [what, spans] of incomplete) {
    it(`waits for ${what}, and not for ever`, () => {
      const window = open()
      window.add(spans)
      assert.deepEqual(sweepAt(window, 29_999), [])
      assert.deepEqual(sweepAt(window, 30_000), ['overdue'])
    })
  }

  it('waits longer for the other half of a call, however the server names its client', () => {
    const window = open({ callWaitMs: 5000 })
    window.add([root, client])
    assert.deepEqual(sweepAt(window, 4999), [])
    window.add([server])
    assert.deepEqual(sweepAt(window, 5998), [])
    assert.deepEqual(sweepAt(window, 5999), ['complete'])

    const w3c = open({ callWaitMs: 5000 })
    w3c.add([span(3, 2, 'catalog', 'GET', 1, 1, { kind: 'SERVER' }), root, client])
    assert.deepEqual(sweepAt(w3c, 6999), ['complete', 'complete'])
  })

  it('waits as long for the consumer of a message', () => {
    const window = open({ callWaitMs: 5000 })
    window.add([root, span(2, 1, 'shop', 'send', 1, 1, { kind: 'PRODUCER' })])
    assert.deepEqual(sweepAt(window, 4999), [])
    window.add([span(3, 2, 'bills', 'receive', 1, 1, { kind: 'CONSUMER' })])
    assert.deepEqual(sweepAt(window, 5999), ['complete'])
  })

  it('takes a call whose other half never comes for complete in the end', () => {
    const window = open()
    window.add([root, client])
    assert.deepEqual(sweepAt(window, 2999), [])
    assert.deepEqual(sweepAt(window, 3000), ['complete'])
  })

  it('puts the spans of one trace together though one service reports half of its ID', () => {
    const window = open()
    window.add([root, client, { ...server, traceId: server.traceId.slice(16) }])
    assert.equal(window.stats().traces, 1)
  })

  it('knows spans that are delivered again, and those that come late', () => {
    const window = open()
    window.add([root, client, server])
    sweepAt(window, 1000)
    window.add([root, client, server, span(7, 1, 'shop', 'late one', 1, 1)])
    assert.deepEqual(sweepAt(window, 1999), ['complete'])
    assert.deepEqual(sweepAt(window, 2000), ['complete', 'late'])
    assert.deepEqual(out[1]?.names, ['late one'])
    assert.equal(window.stats().duplicates, 3)
  })

  it('holds no more spans than it may: the trace that was quiet longest goes', () => {
    const window = open({ maxSpans: 3 })
    const other = { ...root, traceId: 'a'.repeat(32) }
    window.add([other, root, client])
    window.add([{ ...other, id: 'b'.repeat(16), parentId: other.id }])
    assert.deepEqual(out, [{ names: ['GET /cart', 'GET'], end: 'evicted' }])
    assert.equal(window.stats().spans, 2)
    assert.equal(window.stats().ends.evicted, 1)
  })

  const large: Record<string, Partial<ZipkinSpan>> = {
    'a tag': { tags: { text: 'x'.repeat(1 << 20) } },
    'a tag whose key is': { tags: { ['x'.repeat(1 << 20)]: '' } },
    'a name': { name: 'x'.repeat(1 << 20) },
    'an annotation': { annotations: [{ timestamp: 1, value: 'x'.repeat(1 << 20) }] },
    'a service': { localEndpoint: { serviceName: 'x'.repeat(1 << 20) } },
  }
  for (const [what, more] of Object.entries(large)) {
    it(`holds no more bytes than it may, where ${what} is large: the oldest traces are let out, and counted`, () => {
      const window = open({ maxBytes: 10 << 20 })
      for (let i = 1; i <= 100; i++) window.add([{ ...client, ...more, traceId: `${i}`.padStart(32, '0') }])
      const { ends, traces, bytes } = window.stats()
      assert.ok(bytes > 4 << 20 && bytes <= 10 << 20, `${bytes}`)
      assert.equal(ends.evicted + traces, 100)
      assert.equal(out.length, ends.evicted)
    })
  }

  it('lets out at once what is larger than all that it may hold', () => {
    const window = open({ maxBytes: 1000 })
    window.add([client])
    assert.deepEqual(out, [{ names: ['GET'], end: 'evicted' }])
    assert.equal(window.stats().bytes, 0)
  })

  it('lets everything out when it is closed', () => {
    const window = open()
    window.add([root, { ...server, traceId: 'c'.repeat(32) }])
    window.close()
    assert.deepEqual(
      out.map(({ end }) => end),
      ['complete', 'closed'],
    )
    assert.equal(window.stats().spans, 0)
  })
})
