import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleSender } from '#src/publisher/senders/console-sender.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { newSpan, plainJson, reportMany } from '../support.ts'

test('prints a span a line', async () => {
  const lines: string[] = []
  const publisher = new ServicePublisher(consoleSender({ write: (line) => lines.push(line) }), plainJson)
  publisher.report(newSpan(1, { name: 'two\nlines' }))
  publisher.report(newSpan(2))
  await publisher.close()
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [newSpan(1, { name: 'two\nlines' }), newSpan(2)],
  )
  assert.ok(lines.every((line) => /^[^\n]+\n$/.test(line)))
})

test('an output that is closed doubles nothing', async () => {
  let count = 0
  const write = (): void => {
    if (++count === 2) throw new Error('EPIPE')
  }
  const publisher = new ServicePublisher(consoleSender({ write }), plainJson)
  reportMany(publisher, 3)
  await publisher.close()
  assert.equal(count, 2)
  assert.equal(publisher.stats().inDoubt, 3)
})
