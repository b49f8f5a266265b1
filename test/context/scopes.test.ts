import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { ServiceSpan } from '#src/span/service-span.js'
import { createTestTracing } from 'tdist/testing'
import { internals } from '../support/internals.ts'

const test = createTestTracing()
const { dataManager, tracer } = internals(test.tracing)

/** What the code that runs now sees of its scope: the span, and what a log line says of it. */
const seen = () => [dataManager.current, dataManager.logFields()] as const

function fields({ context }: ServiceSpan): object {
  const { traceId, spanId, parentId } = context
  return { traceId, spanId, ...(parentId === undefined ? {} : { parentId }), sampled: true }
}

/** In a scope of `outer`, one of `inner`: each sees its own, and what was before comes back. */
function check(outer: ServiceSpan | undefined, inner: ServiceSpan | undefined): void {
  const expected = (span: ServiceSpan | undefined) => [span, span ? fields(span) : {}]
  dataManager.run(outer, () => {
    assert.deepEqual(seen(), expected(outer))
    dataManager.run(inner, () => assert.deepEqual(seen(), expected(inner)))
    assert.deepEqual(seen(), expected(outer))
  })
  assert.deepEqual(seen(), expected(undefined))
}

/*
 * Brave opens a scope by newScope, or by maybeScope where it may be that the context is current already. Here both are
 * run. What its scope decorators put into a log's context is asked for: logFields.
 */
describe("Brave's CurrentTraceContextTest", () => {
  let open: ServiceSpan[] = []
  const opened = (span: ServiceSpan): ServiceSpan => (open.push(span), span)

  afterEach(async () => {
    for (const span of open) span.finish()
    await test.take(open.length)
    open = []
    test.assertClean()
  })

  it('maybeScope_retainsContext, maybeScope_doesntDuplicateContext', () => {
    const span = opened(tracer.newTrace(undefined))
    check(span, span)
  })

  it('maybeScope_doesntDuplicateContext_onNull', () => check(undefined, undefined))

  it('maybeScope_canClearScope', () => check(opened(tracer.newTrace(undefined)), undefined))

  it('newScope_noticesDifferentContext, maybeScope_noticesDifferentContext', () => {
    check(opened(tracer.newTrace(undefined)), opened(tracer.newTrace(undefined)))
  })

  it('maybeScope_noticesDifferentSpanId, newScope_decoratesWithDifferentScope, maybeScope_decoratesWithDifferentScope', () => {
    const parent = opened(tracer.newTrace(undefined))
    const child = opened(tracer.newChild(parent, undefined))
    assert.equal(child.context.traceId, parent.context.traceId)
    check(parent, child)
    check(child, parent)
  })

  it('newScope_noticesDifferentBaggageField', () => {
    const carrying = (value: string) => ({ baggage: { 'user-id': value } })
    const one = opened(tracer.newTrace(undefined, true, false, carrying('one')))
    const two = opened(tracer.newTrace(undefined, true, false, carrying('two')))
    dataManager.run(one, () => {
      assert.equal(dataManager.current?.baggage('user-id'), 'one')
      dataManager.run(two, () => assert.equal(dataManager.current?.baggage('user-id'), 'two'))
      assert.equal(dataManager.current?.baggage('user-id'), 'one')
    })
    check(one, two)
  })

  it('attachesSpanInRunnable, restoresSpanAfterRunnable', () => {
    const [span, other] = [opened(tracer.newTrace(undefined)), opened(tracer.newTrace(undefined))]
    let current: ServiceSpan | undefined
    const runnable = dataManager.run(span, () => dataManager.bind(() => void (current = dataManager.current)))
    dataManager.run(other, () => {
      assert.equal(runnable(), undefined)
      assert.equal(current, span)
      assert.equal(dataManager.current, other)
    })
  })
})
