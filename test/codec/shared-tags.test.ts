import assert from 'node:assert/strict'
import test, { suite } from 'node:test'
import type { Encoder } from '#src/codec/encoder.js'
import { jsonEncoder } from '#src/codec/json.js'
import { proto3Encoder } from '#src/codec/proto3.js'
import { shareTags } from '#src/codec/shared-tags.js'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import fc from 'fast-check'
import { anySpan, anyText } from './random-spans.ts'

type Tags = Record<string, string>

/** A key that is a number stands first in any object, wherever it was set. */
const key = fc
  .oneof(fc.constantFrom('host.name', 'a', '__proto__', 'é'), anyText)
  .filter((k) => !/^\d+$/.test(k))
const anyTags: fc.Arbitrary<Tags> = fc
  .array(fc.tuple(key, anyText), { maxLength: 5 })
  .map((entries) => tagsOf(entries))

for (const encoder of [proto3Encoder, jsonEncoder]) {
  suite(`shared tags, ${encoder.encoding}`, () => {
    test('are the bytes of the same tags set after the span’s own, where those do not stand in their place', () => {
      fc.assert(
        fc.property(anySpan, fc.option(anyTags, { nil: undefined }), anyTags, (span, own, shared) => {
          const alone = { ...span, tags: own }
          const added = Object.entries(shared).filter(([k]) => !Object.hasOwn(own ?? {}, k))
          const all = { ...span, tags: tagsOf([...Object.entries(own ?? {}), ...added]) }
          assert.deepEqual(encoded(encoder, alone, shared), encoded(encoder, all))
        }),
        { numRuns: 3000, endOnFailure: true },
      )
    })

    test('are written whole or, at whatever limit, not at all', () => {
      const span: ZipkinSpan = { traceId: '0'.repeat(15) + '1', id: '0'.repeat(15) + '2', tags: { a: 'b' } }
      const shared = { 'host.name': 'web-1', long: 'é'.repeat(100) }
      const whole = encoded(encoder, span, shared)!
      for (let space = 0; space < whole.length; space++) {
        assert.equal(encoded(encoder, span, shared, space), undefined)
        assert.equal(
          encoded(encoder, { ...span, tags: { long: 'own' } }, shared, Math.min(space, 40)),
          undefined,
        )
      }
      assert.deepEqual(encoded(encoder, span, shared, whole.length), whole)
    })
  })
}

function tagsOf(entries: [string, string][]): Tags {
  const tags = Object.create(null) as Tags
  for (const [k, value] of entries) tags[k] = value
  return tags
}

/** The span's bytes; undefined when they are more than `space`, past which nothing may be written. */
function encoded(encoder: Encoder, span: ZipkinSpan, shared?: Tags, space = 50_000): Buffer | undefined {
  const target = Buffer.alloc(space + 8, 0xaa)
  const end = encoder.write(target, 0, space, span, true, shared && shareTags(shared))
  assert.ok(target.subarray(space).equals(Buffer.alloc(8, 0xaa)))
  return end === -1 ? undefined : target.subarray(0, end)
}
