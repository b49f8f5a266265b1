import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const support = new URL('support.js', import.meta.url).href

/** What a program says on standard error, with a publisher of four spans at most. */
function said(send: string, then: string): string[] {
  const program = `
    import { ServicePublisher } from '#src/publisher/service-publisher.js'
    import { SendError } from '#src/publisher/senders/sender.js'
    import { newSpan, plainJson, reportMany, testSender } from '${support}'
    const publisher = new ServicePublisher(testSender(${send}), plainJson, { maxSpans: 4, maxAgeMs: 1000 })
    ${then}`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return stderr.split('\n').slice(0, -1)
}

test('a loss is one line for each reason, with how many and why', () => {
  assert.deepEqual(said('() => {}', 'reportMany(publisher, 1000); await publisher.close()'), [
    'tdist: 996 spans dropped: the publisher holds all it may (4 spans, 16777216 bytes): spans come faster than the collector takes them',
  ])
  const rejecting = `() => { throw new SendError('POST answered 400', 'rejected') }`
  assert.deepEqual(said(rejecting, 'reportMany(publisher, 4); await publisher.close()'), [
    'tdist: 4 spans dropped: rejected: POST answered 400',
  ])
  const hanging = '() => new Promise(() => {})'
  assert.deepEqual(said(hanging, 'reportMany(publisher, 1); await publisher.close(1)'), [
    'tdist: 1 span may be lost: sent, and not known to be stored: the publisher was closed before the answer came',
  ])
  const reporting = `for (let i = 0; i < 50; i++) { reportMany(publisher, 10); await new Promise(setImmediate) }`
  assert.equal(said(hanging, `${reporting} await publisher.flush(20); publisher.sayLosses()`).length, 1)
})

test('a failure that may pass is one line a minute, however often it is tried', () => {
  const failing = `() => { throw new SendError('connect ECONNREFUSED', 'failed') }`
  const lines = said(failing, 'reportMany(publisher, 3); await publisher.close(800)')
  assert.deepEqual(lines, [
    'tdist: spans could not be sent and will be tried again: connect ECONNREFUSED',
    'tdist: 3 spans dropped: the publisher was closed before they could be sent: connect ECONNREFUSED',
  ])
})

test('all is well: nothing is said', () => {
  assert.deepEqual(said('() => {}', 'reportMany(publisher, 4); await publisher.close()'), [])
})
