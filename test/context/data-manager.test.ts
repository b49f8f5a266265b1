import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { afterEach, describe, it } from 'node:test'
import { createTestTracing } from 'tdist/testing'
import { internals } from '../support/internals.ts'

const test = createTestTracing()
const { dataManager, tracer } = internals(test.tracing)

/** Runs `fn` with a fresh unfinished span, which it finishes and takes afterwards. */
async function withSpan(fn: (span: NonNullable<typeof dataManager.current>) => unknown): Promise<void> {
  const span = tracer.newTrace(undefined)
  await fn(span)
  span.finish()
  await test.take(1)
}

describe('DataManager', () => {
  afterEach(() => test.assertClean())

  it('currentSpan_defaultsToNull', () => {
    assert.equal(dataManager.current, undefined)
    assert.equal(tracer.currentSpan, undefined)
  })

  it('newScope_retainsContext, and restores what was before', () =>
    withSpan((span) => {
      const result = dataManager.run(span, () => {
        assert.equal(dataManager.current, span)
        return 42
      })
      assert.equal(result, 42)
      assert.equal(dataManager.current, undefined)
    }))

  it('newScope_canClearScope', () =>
    withSpan((span) =>
      dataManager.run(span, () => {
        dataManager.run(undefined, () => assert.equal(dataManager.current, undefined))
        assert.equal(dataManager.current, span)
      }),
    ))

  it('newScope_noticesDifferentSpanId', () =>
    withSpan((outer) =>
      withSpan((inner) =>
        dataManager.run(outer, () => {
          dataManager.run(inner, () => assert.equal(dataManager.current, inner))
          assert.equal(dataManager.current, outer)
        }),
      ),
    ))

  it('restores the scope after a throw, and the error is the very one', () =>
    withSpan((span) => {
      const error = new Error('thrown')
      assert.throws(
        () =>
          dataManager.run(span, () => {
            throw error
          }),
        (thrown) => thrown === error,
      )
      assert.equal(dataManager.current, undefined)
    }))

  const flows: [string, (done: () => void) => void][] = [
    ['setTimeout', (done) => void setTimeout(done, 1)],
    ['setImmediate', (done) => void setImmediate(done)],
    ['nextTick', (done) => process.nextTick(done)],
    ['queueMicrotask', (done) => queueMicrotask(done)],
    ['promise', (done) => void Promise.resolve().then(done)],
    [
      'async/await',
      (done) => void (async () => (await Promise.resolve(), await new Promise(setImmediate), done()))(),
    ],
    [
      'thenable',
      (done) => void (async () => (await { then: (ok: () => void) => setImmediate(ok) }, done()))(),
    ],
    [
      'async generator',
      (done) =>
        void (async () => {
          const steps = (async function* () {
            yield await Promise.resolve(1)
          })()
          for await (const step of steps) assert.equal(step, 1)
          done()
        })(),
    ],
  ]
  for (const [name, flow] of flows) {
    it(`keeps the span through ${name}`, () =>
      withSpan(async (span) => {
        const seen = await new Promise((resolve) => {
          dataManager.run(span, () => flow(() => resolve(dataManager.current)))
        })
        assert.equal(seen, span)
      }))
  }

  it('does not leak an attached context into a concurrent sibling chain', () =>
    withSpan(async (span) => {
      const seen: unknown[] = []
      const sibling = (async () => {
        await new Promise(setImmediate)
        seen.push(dataManager.current)
      })()
      await dataManager.run(span, async () => {
        await new Promise(setImmediate)
        seen.push(dataManager.current)
      })
      await sibling
      assert.deepEqual(new Set(seen), new Set([undefined, span]))
      assert.equal(dataManager.current, undefined)
    }))

  describe('bind', () => {
    it('attachesSpanInCallable, restoresSpanAfterCallable', () =>
      withSpan((span) => {
        const bound = dataManager.run(span, () => dataManager.bind(() => dataManager.current))
        assert.equal(bound(), span)
        assert.equal(dataManager.current, undefined)
      }))

    it('attachesSpanInCallable_canClear', () =>
      withSpan((span) => {
        const bound = dataManager.bind(() => dataManager.current)
        assert.equal(dataManager.run(span, bound), undefined)
      }))

    it('passes this, arguments, result, length and name through', () => {
      const owner = {
        base: 1,
        add: dataManager.bind(function add(this: { base: number }, a: number, b: number) {
          return this.base + a + b
        }),
      }
      assert.equal(owner.add(2, 3), 6)
      assert.equal(owner.add.length, 2)
      assert.equal(owner.add.name, 'add')
    })

    it('carries the span through a callback queue that somebody else drains', () =>
      withSpan((span) => {
        const queue: (() => void)[] = []
        let seen: unknown
        dataManager.run(span, () => queue.push(dataManager.bind(() => void (seen = dataManager.current))))
        queue.pop()!()
        assert.equal(seen, span)
      }))
  })

  it('bindEmitter: a listener runs in the scope it was added in', () =>
    withSpan((span) => {
      const emitter = dataManager.bindEmitter(new EventEmitter())
      const seen: unknown[] = []
      const listener = () => void seen.push(dataManager.current)
      dataManager.run(span, () => emitter.on('x', listener))
      emitter.once('x', listener)
      emitter.emit('x')
      emitter.emit('x')
      assert.deepEqual(seen, [span, undefined, span])
      emitter.off('x', listener)
      assert.equal(emitter.listenerCount('x'), 0)
    }))

  it('logFields: the IDs, or nothing', () =>
    withSpan((span) => {
      assert.deepEqual(dataManager.logFields(), {})
      const { traceId, spanId } = span.context
      dataManager.run(span, () =>
        assert.deepEqual(dataManager.logFields(), { traceId, spanId, sampled: true }),
      )
      const child = tracer.newChild(span, undefined)
      dataManager.run(child, () => assert.equal(dataManager.logFields().parentId, spanId))
      child.finish()
      test.spans.shift()
    }))

  it('untraced: no span is current, and calls are suppressed', () =>
    withSpan((span) =>
      dataManager.run(span, () => {
        dataManager.untraced(() => {
          assert.equal(dataManager.current, undefined)
          assert.equal(dataManager.suppressed, true)
        })
        assert.equal(dataManager.suppressed, false)
      }),
    ))

  it('two copies of the package share the current span', async () => {
    // A second instance of the module: the query makes it another URL.
    const copy = (await import(`${import.meta.resolve('#src/context/service-data-manager.js')}?copy`)) as {
      ServiceDataManager: new () => typeof dataManager
    }
    const other = new copy.ServiceDataManager()
    assert.notEqual(other.constructor, dataManager.constructor)
    await withSpan((span) => dataManager.run(span, () => assert.equal(other.current, span)))
  })

  it('what a leaked resource holds of a finished span is at most 500 bytes', (t) => {
    // In a process of its own: the test runner keeps an entry for every resource.
    const script = `
      import { AsyncResource } from 'node:async_hooks'
      import { createTestTracing } from 'tdist/testing'
      const { tracing: { tracer, dataManager }, spans } = createTestTracing()
      const leaked = Array.from({ length: 20_000 })
      for (let i = 0; i < leaked.length; i++) {
        const span = tracer.newTrace('SERVER').name('GET /items/:id')
        dataManager.run(span, () => {
          for (let child = 0; child < 3; child++) {
            tracer.trace('child', (inner) => {
              for (let tag = 0; tag < 8; tag++) inner.tag('tag' + tag, 'value ' + i + tag)
            })
          }
          leaked[i] = new AsyncResource('leaked')
        })
        span.finish()
        spans.length = 0
      }
      const used = () => (gc(), gc(), process.memoryUsage().heapUsed)
      const before = used()
      leaked.fill(undefined)
      console.log((before - used()) / leaked.length)`
    const flags = ['--expose-gc', '--input-type=module', '-e', script]
    const held = Number(execFileSync(process.execPath, flags, { encoding: 'utf8' }))
    t.diagnostic(`${held.toFixed(0)} bytes are held`)
    assert.ok(held > 0 && held <= 500, `${held.toFixed(0)} bytes are held`)
  })
})
