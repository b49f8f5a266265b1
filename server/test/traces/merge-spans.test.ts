import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Endpoint, ZipkinSpan } from '#src/codec/zipkin-span.js'
import { mergeSpans } from '#server/traces/merge-spans.js'
import { traceTree } from '#server/traces/trace-tree.js'
import { hexId, START, span } from '../../../test/support/trace-spans.js'

const SPANS = 5000

describe('mergeSpans', () => {
  it('joins the tags and annotations of all pieces of a span', () => {
    const pieces = Array.from({ length: SPANS }, (_, i) =>
      span(1, undefined, 'shop', 'a', 0, 10, {
        tags: { [`key ${i}`]: 'value', last: String(i) },
        annotations: [{ timestamp: START + SPANS - i, value: 'seen' }],
      }),
    )
    const [merged, ...others] = mergeSpans(pieces)
    assert.deepEqual(others, [])
    assert.equal(Object.keys(merged!.tags!).length, SPANS + 1)
    assert.equal(merged!.tags!['last'], String(SPANS - 1), 'of two values the later piece has the last word')
    assert.equal(merged!.annotations!.length, SPANS)
    assert.equal(merged!.annotations![0]!.timestamp, START + 1, 'in order')
    assert.equal(Object.keys(pieces[0]!.tags!).length, 2, 'what was given is as it was')
  })

  it('takes a tag with the name of something that every object has for a tag', () => {
    const tags = JSON.parse('{"__proto__":"a"}') as Record<string, string>
    const [merged] = mergeSpans([1, 2].map(() => span(1, undefined, 'shop', 'a', 0, 10, { tags })))
    assert.deepEqual(Object.entries(merged!.tags!), [['__proto__', 'a']])
  })

  const hostile: Record<string, (i: number, localEndpoint: Endpoint) => Partial<ZipkinSpan>> = {
    'that share an ID': (_, localEndpoint) => ({ id: hexId(1), localEndpoint }),
    'that share an ID as servers': (_, localEndpoint) => ({
      id: hexId(1),
      kind: 'SERVER',
      shared: true,
      localEndpoint,
    }),
    'half of them children of a shared ID': (i, localEndpoint) =>
      i % 2
        ? { id: hexId(1), kind: 'SERVER', shared: true, localEndpoint }
        : { id: hexId(100 + i), parentId: hexId(1), localEndpoint },
  }
  for (const [what, more] of Object.entries(hostile)) {
    it(`reads an endpoint a bounded number of times, of thousands of spans ${what}`, () => {
      let reads = 0
      const spans = Array.from({ length: SPANS }, (_, i) => {
        const endpoint = { ipv4: '10.0.0.1', port: i } as Endpoint
        Object.defineProperty(endpoint, 'serviceName', {
          enumerable: true,
          get: () => (reads++, `service ${i}`),
        })
        return span(1, undefined, 'shop', 'a', i, 10, more(i, endpoint))
      })
      assert.equal(traceTree(spans).spans, SPANS)
      assert.ok(reads < 200 * SPANS, `${reads} reads for ${SPANS} spans`)
    })
  }
})
