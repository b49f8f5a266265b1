import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { CallMessage, DropMessage, Outcome } from 'tdist'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { SendError } from '#src/publisher/senders/sender.js'
import { deferred, newSpan, never, plainJson, reportMany, testSender } from './support.ts'

test('records and calls are counted by size and by time', async () => {
  const sender = testSender()
  const publisher = new ServicePublisher(sender, plainJson, { maxSpans: 160 })
  reportMany(publisher, 27)
  await publisher.close()
  const { recordSpans, callBytes, callMs, calls } = publisher.stats()
  assert.deepEqual(
    { sum: recordSpans.sum, count: recordSpans.count, counts: recordSpans.counts },
    { sum: 27, count: 2, counts: [0, 0, 1, 1, 0, 0, 0, 0, 0] },
    'one record of twenty spans, one of seven',
  )
  assert.deepEqual(recordSpans.bounds.slice(0, 4), [1, 5, 10, 25])
  const bytes = sender.stored.reduce((sum, record) => sum + record.bytes.byteLength, 0)
  assert.deepEqual([callBytes.sum, callBytes.count], [bytes, calls])
  assert.equal(callMs.count, calls)
  assert.equal(callMs.counts.length, callMs.bounds.length + 1)
})

test('the oldest span is told until it has gone, waiting or in flight', async () => {
  const answer = deferred<void>()
  const publisher = new ServicePublisher(
    testSender(() => answer.promise),
    plainJson,
  )
  assert.equal(publisher.stats().oldestMs, 0)
  reportMany(publisher, 1)
  await wait(5)
  const waiting = publisher.stats().oldestMs
  assert.ok(waiting > 0)
  const flushed = publisher.flush()
  const inFlight = publisher.stats()
  assert.equal(inFlight.inFlight, 1)
  assert.ok(inFlight.oldestMs >= waiting)
  answer.resolve()
  await flushed
  assert.equal(publisher.stats().oldestMs, 0)
  await publisher.close()
})

test('nothing is old after close', async () => {
  const publisher = new ServicePublisher(testSender(never), plainJson)
  reportMany(publisher, 1)
  await publisher.close(1)
  assert.equal(publisher.stats().oldestMs, 0)
})

test('the breaker opens when whole calls fail, and closes when one goes through', async () => {
  const states: string[] = []
  const sender = testSender((_, call) => {
    states.push(publisher.stats().breaker)
    if (call === 1) throw new SendError('connect ECONNREFUSED', 'failed')
  })
  const publisher = new ServicePublisher(sender, plainJson)
  reportMany(publisher, 1)
  const failed = once('tdist:publisher:call')
  const flushed = publisher.flush()
  await failed
  await Promise.resolve()
  states.push(publisher.stats().breaker)
  await flushed
  states.push(publisher.stats().breaker)
  assert.deepEqual(states, ['closed', 'open', 'half-open', 'closed'])
  await publisher.close()
})

test('a channel tells of each call that has ended', async () => {
  const messages: CallMessage[] = []
  const listen = (message: unknown): void => void messages.push(message as CallMessage)
  subscribe('tdist:publisher:call', listen)
  const outcomes: Outcome[][] = [['sent', 'failed'], ['sent']]
  const sender = testSender((_, call) => outcomes[call - 1])
  const publisher = new ServicePublisher(sender, plainJson, { maxSpans: 24 })
  reportMany(publisher, 5)
  await publisher.close()
  unsubscribe('tdist:publisher:call', listen)
  assert.deepEqual(
    messages.map(({ durationMs, bytes, ...rest }) => {
      assert.ok(durationMs >= 0 && bytes > 0)
      return rest
    }),
    [
      { records: 2, spans: 5, sent: 3, again: 2, reason: undefined },
      { records: 1, spans: 2, sent: 2, again: 0, reason: undefined },
    ],
  )
})

test('a channel tells of each drop, and not of those that its subscribers cause', async () => {
  const messages: DropMessage[] = []
  const publisher = new ServicePublisher(testSender(never), plainJson, { maxSpans: 1 })
  const listen = (message: unknown): void => {
    messages.push(message as DropMessage)
    publisher.report(newSpan(9))
  }
  subscribe('tdist:publisher:drop', listen)
  reportMany(publisher, 3)
  await publisher.close(1)
  unsubscribe('tdist:publisher:drop', listen)
  assert.deepEqual(messages, [
    { reason: 'full', spans: 1, cause: undefined },
    { reason: 'full', spans: 1, cause: undefined },
    { reason: 'inDoubt', spans: 1, cause: 'the publisher was closed before the answer came' },
  ])
  assert.equal(publisher.stats().dropped.full, 4)
  assert.equal(publisher.stats().dropped.shutdown, 1)
})

function once(name: string): Promise<void> {
  return new Promise((resolve) => {
    const listen = (): void => {
      unsubscribe(name, listen)
      resolve()
    }
    subscribe(name, listen)
  })
}
