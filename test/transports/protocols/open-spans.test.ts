import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { afterEach, describe, it, mock } from 'node:test'
import { promisify } from 'node:util'
import type { Span } from '#src/span/span.js'
import { createTestTracing } from '#src/testing.js'
import { OpenSpans, openSpansOf, type Ageing } from '#src/transports/protocols/open-spans.js'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())

class Call implements Ageing {
  readonly span: Span
  readonly place = 'here'
  alive = 0
  isCurrent: boolean | undefined

  constructor(name: string) {
    this.span = tracing.tracer.nextSpan('SERVER').name(name)
  }
  isAlive(): boolean {
    return this.alive-- > 0
  }
  outlived(): void {
    const { current, suppressed } = tracing.dataManager
    this.isCurrent = current !== undefined || !suppressed
    this.span.finish()
  }
}

describe('spans that are open', () => {
  it('are ended by their age, the oldest first, and say so', async () => {
    const list = new OpenSpans(tracing, 10)
    const before = tracing.endedByAge['here'] ?? 0
    const calls = ['a', 'b', 'c', 'd'].map((name) => new Call(name))
    const open = tracing.tracer.trace('caller', () => calls.map((call) => list.add(call)))
    open[1]!.close()
    open[1]!.close()
    calls[1]!.span.finish()
    const spans = await recorded.take(5, 20_000)
    assert.deepEqual(
      spans.map(({ name, tags }) => [name, tags!['tdist.ended']]),
      [['caller', undefined], ['b', undefined], ...['a', 'c', 'd'].map((name) => [name, 'age'])],
    )
    assert.equal(tracing.endedByAge['here'], before + 3)
    assert.match(tracing.metrics(), /^tdist_spans_ended_by_age_total\{service="test",place="here"\} \d+$/m)
    // The timer is armed by whoever comes first, and belongs to nobody's trace.
    assert.deepEqual([calls[0]!.isCurrent, calls[1]!.isCurrent], [false, undefined])
  })

  it('stay as long as something will end them', async () => {
    const list = new OpenSpans(tracing, 10)
    const [alive, dead] = [new Call('alive'), new Call('dead')]
    alive.alive = 3
    list.add(alive)
    list.add(dead)
    const [first, last] = await recorded.take(2, 20_000)
    assert.deepEqual([first!.name, last!.name], ['dead', 'alive'])
    assert.equal(alive.alive, -1)
    assert.ok(last!.duration! >= 40_000, 'asked once in each age')
  })

  it('that somebody else has finished are let go, and not counted', async () => {
    const list = new OpenSpans(tracing, 10)
    const before = { ...tracing.endedByAge }
    const [finished, open] = [new Call('finished'), new Call('open')]
    list.add(finished)
    list.add(open)
    finished.span.finish()
    const [, last] = await recorded.take(2, 20_000)
    assert.equal(last!.name, 'open')
    assert.equal(tracing.endedByAge['here']! - (before['here'] ?? 0), 1)
    assert.equal(finished.isCurrent, false, 'its call was told')
  })

  it('go on being watched where one cannot be ended', async () => {
    const list = new OpenSpans(tracing, 10)
    const [broken, other] = [new Call('broken'), new Call('other')]
    broken.outlived = () => {
      broken.span.finish()
      throw new Error('broken')
    }
    list.add(broken)
    list.add(other)
    await recorded.take(2, 20_000)
    assert.deepEqual(tracing.faults, { here: 1 })
    delete (tracing.faults as Partial<Record<string, number>>)['here']
  })

  it('are ended a thousand at a time at most', async () => {
    const list = new OpenSpans(tracing, 10)
    const goes: number[] = []
    let isGoing = false
    for (let i = 0; i < 2500; i++) {
      const call = new Call(`call ${i}`)
      call.outlived = () => {
        call.span.finish()
        if (!isGoing) goes.push(0)
        goes[goes.length - 1]!++
        isGoing = true
        // After all that is done in one go.
        queueMicrotask(() => (isGoing = false))
      }
      list.add(call)
    }
    // All are over age when the first go begins.
    const until = performance.now() + 30
    while (performance.now() < until);
    await recorded.take(2500, 20_000)
    assert.deepEqual(goes, [1000, 1000, 500])
  })

  it('are ended under timers that a test has faked', async () => {
    // Ours keep no process alive.
    const awake = setInterval(() => {}, 60_000)
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'Date'] })
    try {
      new OpenSpans(tracing, 10).add(new Call('faked'))
      await recorded.take(1, 20_000)
    } finally {
      mock.timers.reset()
      clearInterval(awake)
    }
  })

  it('keep no process alive', async () => {
    const from = (file: string): string =>
      JSON.stringify(new URL(`../../../src/${file}`, import.meta.url).href)
    const program = `
      import { createTestTracing } from ${from('testing.js')}
      import { openSpansOf } from ${from('transports/protocols/open-spans.js')}
      const { tracing } = createTestTracing()
      const span = tracing.tracer.nextSpan('SERVER')
      openSpansOf(tracing).add({ span, place: 'here', isAlive: () => false, outlived() {} })`
    const args = ['--input-type=module', '-e', program]
    const { stderr } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
    assert.equal(stderr, '')
  })

  it('of one tracing and one age are in one list', () => {
    assert.equal(openSpansOf(tracing), openSpansOf(tracing))
    assert.notEqual(openSpansOf(tracing), openSpansOf(tracing, 10))
  })
})
