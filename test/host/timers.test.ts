import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ended, spanSink, start } from '../publisher/worker/worker-support.ts'

/** Fakes as a test framework puts them in: nothing that is armed ever fires, no time passes, and luck is fixed. */
const FAKES = `
  const armed = []
  const fake = (name) => (fn) => {
    if (!name.startsWith('clear')) armed.push(name)
    const timer = { ref: () => timer, unref: () => timer, hasRef: () => false, refresh: () => timer }
    return timer
  }
  const clock = {}
  function fakeAll(modules) {
    const names = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask']
    const timers = process.getBuiltinModule('node:timers')
    for (const name of names) {
      clock['_' + name] = globalThis[name]
      const faked = Object.defineProperty(Object.assign(fake(name), { clock }), 'name', { value: name })
      globalThis[name] = faked
      if (modules && name in timers) timers[name] = faked
    }
    globalThis.Date = class Date extends globalThis.Date { static now() { return 0 } }
    globalThis.performance = { now: () => 0 }
    if (modules) process.getBuiltinModule('node:perf_hooks').performance.now = () => 0
    Math.random = () => 0.5
    AbortSignal.timeout = () => armed.push('AbortSignal.timeout')
  }
  const later = setTimeout
`
const TRACED = `
  const tracing = createTracing({ serviceName: 'shop', sender: httpSender({ url: URL }), publisher: { worker: WORKER } })
  const began = tracing.tracer.trace('work', (span) => span.clock)
  while (tracing.publisher.stats().sent < 1) await new Promise((resolve) => later(resolve, 5))
  console.log(JSON.stringify({ armed, isNow: began > 1e15 }))
  process.exit()
`

describe('under fake time', { concurrency: 2 }, () => {
  const cases: Record<string, string> = {
    'that came after tdist': `import { createTracing, httpSender } from 'tdist'; ${FAKES} fakeAll(true); ${TRACED}`,
    'that came before tdist': `${FAKES} fakeAll(false); const { createTracing, httpSender } = await import('tdist'); ${TRACED}`,
    "that came before tdist, to Node's modules too": `${FAKES} fakeAll(true); const { createTracing, httpSender } = await import('tdist'); ${TRACED}`,
    'of node:test': `
      import { createTracing, httpSender } from 'tdist'
      import { mock } from 'node:test'
      const later = setTimeout
      const armed = []
      mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] })
      mock.timers.runAll()
      ${TRACED}`,
  }
  for (const [name, program] of Object.entries(cases)) {
    for (const worker of [false, true]) {
      it(`${name}: spans go out, by no timer that the test sees, worker ${worker}`, async (t) => {
        const sink = await spanSink()
        t.after(() => sink.close())
        const text = program.replace('URL }', `'${sink.url}' }`).replace('WORKER', String(worker))
        const { stdout, stderr } = await ended(start(text, { NODE_NO_WARNINGS: '1' }))
        assert.deepEqual([stdout, stderr], ['{"armed":[],"isNow":true}\n', ''])
        assert.equal(sink.ids().length, 1)
      })
    }
  }

  it('createTestTracing says what did not come, all the same', async () => {
    const program = `
      import { createTestTracing } from 'tdist/testing'
      ${FAKES} fakeAll(true)
      const { take } = createTestTracing()
      await take(1, 5).catch((error) => console.log(error.message))`
    assert.equal((await ended(start(program))).stdout, '1 spans expected; finished: none; still open: none\n')
  })
})

it('a line is said again a minute later, though the wall clock was set back', async () => {
  const program = `
    let now = 0
    Object.getPrototypeOf(performance).now = () => now
    const { warn } = await import('#src/host/log.js')
    warn('topic', 'first')
    Date.now = () => 0
    warn('topic', 'held back')
    now = 60_000
    warn('topic', 'second')`
  const { stderr } = await ended(start(program))
  assert.equal(stderr, 'tdist: first\ntdist: second (1 more like this since)\n')
})

it('tracings for tests leave nothing on the process, and others one set of handlers', async () => {
  const program = `
    import { createTracing, httpSender } from 'tdist'
    import { createTestTracing } from 'tdist/testing'
    const events = ['exit', 'beforeExit', 'SIGTERM', 'SIGINT', 'SIGHUP']
    const counted = () => events.map((event) => process.listenerCount(event))
    const before = counted()
    const counts = () => counted().map((count, i) => count - before[i]).join()
    for (let i = 0; i < 12; i++) {
      const { tracing, take } = createTestTracing()
      tracing.tracer.trace('work', () => {})
      await take(1)
    }
    console.log(counts())
    const sender = { encoding: 'json', maxRecordBytes: 5e4, maxRecords: 1, maxCallBytes: 5e4, send: async () => {} }
    const tracings = Array.from({ length: 12 }, () => createTracing({ serviceName: 'shop', sender }))
    for (const { tracer } of tracings) tracer.trace('work', () => {})
    console.log(counts())
    for (const tracing of tracings) await tracing.close()
    for (const { tracer } of tracings) tracer.trace('work', () => {})
    console.log(counts())`
  const { stdout, stderr } = await ended(start(program))
  assert.deepEqual([stdout, stderr.includes('Warning')], ['0,0,0,0,0\n1,1,1,1,1\n0,0,0,0,0\n', false])
})
