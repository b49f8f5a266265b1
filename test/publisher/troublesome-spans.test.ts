import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Encoder } from '#src/codec/encoder.js'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { assertBalanced, idsOf, newSpan, plainJson, reportMany, testSender } from './support.ts'

describe('spans that make trouble', () => {
  const encoders: Record<string, Partial<Encoder>> = {
    'write throws': {
      write: () => {
        throw new Error('no')
      },
    },
    'write returns nonsense': { write: () => Number.NaN },
    'write goes beyond the limit': { write: (_, __, limit) => limit + 1 },
    'start throws': {
      start: () => {
        throw new Error('no')
      },
    },
    'end throws': {
      end: () => {
        throw new Error('no')
      },
    },
  }
  for (const [name, broken] of Object.entries(encoders)) {
    test(`an encoder that is broken: ${name}`, async () => {
      const sender = testSender()
      const publisher = new ServicePublisher(sender, { ...plainJson, ...broken })
      reportMany(publisher, 3)
      await publisher.close()
      assert.equal(publisher.stats().dropped.encode, 3)
      assert.equal(sender.calls.length, 0)
      assertBalanced(publisher.stats())
    })
  }

  test('what cannot be encoded leaves its neighbours whole', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson)
    const hostile = Object.defineProperty(newSpan(1), 'name', {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    })
    const number = newSpan(3, { duration: 1n as unknown as number })
    for (const span of [newSpan(0), hostile, number, newSpan(2)]) publisher.report(span)
    await publisher.close()
    assert.deepEqual(idsOf(sender.stored), [newSpan(0).id, newSpan(2).id])
    assert.equal(publisher.stats().dropped.encode, 2)
    assertBalanced(publisher.stats())
  })

  test('a getter that reports, flushes and asks for the accounts', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson)
    const nested = Object.defineProperty(newSpan(1), 'name', {
      enumerable: true,
      get: () => {
        publisher.report(newSpan(9))
        void publisher.flush()
        assertBalanced(publisher.stats())
        return 'nested'
      },
    })
    for (const span of [newSpan(0), nested, newSpan(2)]) publisher.report(span)
    await publisher.close()
    assert.deepEqual(
      idsOf(sender.stored),
      [0, 1, 2].map((i) => newSpan(i).id),
    )
    assert.equal(publisher.stats().dropped.encode, 1)
    assertBalanced(publisher.stats())
  })

  test('too large: long tags and annotations are cut, and the rest is as it was', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson)
    const long = '\u{1f600}'.repeat(50_000)
    const span = newSpan(1, { tags: { long, short: 'x' }, annotations: [{ timestamp: 1, value: long }] })
    for (const each of [newSpan(0), span, newSpan(2)]) publisher.report(each)
    await publisher.close()
    const sent = sender.stored.flatMap(
      ({ bytes }) => JSON.parse(Buffer.from(bytes).toString()) as ZipkinSpan[],
    )
    assert.deepEqual(sent, [
      newSpan(0),
      {
        ...span,
        tags: { long: long.slice(0, 256), short: 'x' },
        annotations: [{ timestamp: 1, value: long.slice(0, 256) }],
      },
      newSpan(2),
    ])
    assert.equal(span.tags!['long'], long)
  })

  test('too large even so: counted', async () => {
    const sender = testSender()
    const publisher = new ServicePublisher(sender, plainJson)
    const tags = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`tag${i}`, 'x'.repeat(300)]))
    for (const span of [newSpan(0), newSpan(1, { tags }), newSpan(2)]) publisher.report(span)
    await publisher.close()
    assert.deepEqual(idsOf(sender.stored), [newSpan(0).id, newSpan(2).id])
    assert.equal(publisher.stats().dropped.oversize, 1)
    assertBalanced(publisher.stats())
  })
})
