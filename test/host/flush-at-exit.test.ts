import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { flushAtExit, type Ending } from '#src/host/flush-at-exit.js'
import { absentUrl } from '../publisher/support.ts'

const support = new URL('../publisher/support.js', import.meta.url).href

/** A service with one span that is reported and not yet sent. `collected` says what becomes of a call. */
function service({ collected = 'written()', hooks = 1, sender = '', deadlineMs = 300 } = {}): string {
  return `
    import { writeSync } from 'node:fs'
    import { flushAtExit } from '#src/host/flush-at-exit.js'
    import { httpSender } from '#src/publisher/senders/http-sender.js'
    import { ServicePublisher } from '#src/publisher/service-publisher.js'
    import { newSpan, plainJson, testSender } from '${support}'
    const written = () => new Promise((resolve) => setTimeout(() => resolve(void writeSync(1, 'sent\\n')), 20).unref())
    const sender = ${sender || `testSender(() => ${collected})`}
    const publisher = new ServicePublisher(sender, plainJson)
    // Held, as a publisher is by its timer.
    const ending = globalThis.ending = {
      flushAtEnd: () => publisher.flushAtEnd(${deadlineMs}),
      unsent: () => publisher.unsent(),
      sayLosses: () => publisher.sayLosses(),
      flushNow: () => publisher.flushNow(),
    }
    for (let i = 0; i < ${hooks}; i++) flushAtExit(i === 0 ? ending : globalThis.another = { ...ending, unsent: () => 0 })
    publisher.report(newSpan(1))
  `
}

interface End {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program; each time it prints `ready` it gets the next of the signals. */
async function run(program: string, signals: NodeJS.Signals[] = []): Promise<End> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program])
  let stdout = ''
  let stderr = ''
  let seen = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    while (stdout.split('ready\n').length - 1 > seen) child.kill(signals[seen++])
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...end) => resolve(end))
  })
  return { code, signal, stdout: stdout.replaceAll('ready\n', ''), stderr }
}

const STAY = `const timer = setInterval(() => {}, 60_000); writeSync(1, 'ready\\n');`
const SENT = 'sent\n'
const LOST = 'tdist: 1 span was not sent before the process ended\n'

describe('a natural end', { concurrency: 2 }, () => {
  test('flushes and keeps the exit code', async () => {
    assert.deepEqual(await run(`${service()}; process.exitCode = 3`), {
      code: 3,
      signal: null,
      stdout: SENT,
      stderr: '',
    })
  })

  test("flushes again what a service's own beforeExit leaves", async () => {
    const program = `${service()}
      let count = 0
      process.on('beforeExit', () => {
        if (count++ < 2) setTimeout(() => publisher.report(newSpan(2)), 1)
      })`
    const { code, stdout } = await run(program)
    assert.equal(code, 0)
    assert.match(stdout, /^(sent\n){2,}$/)
  })

  test('comes with a sender that never answers, and with no collector', async () => {
    const sender = `httpSender({ url: '${await absentUrl()}', encoding: 'json' })`
    for (const program of [service({ collected: 'new Promise(() => {})' }), service({ sender })]) {
      const { code, signal, stderr } = await run(program)
      assert.deepEqual([code, signal], [0, null])
      assert.ok(stderr.endsWith(LOST), stderr)
    }
  })

  test('comes when flush throws, rejects or hangs', async () => {
    const fails = [
      "() => { throw new Error('no') }",
      "() => Promise.reject(new Error('no'))",
      '() => new Promise(() => {})',
    ]
    for (const fail of fails) {
      const program = `
        import { flushAtExit } from '#src/host/flush-at-exit.js'
        const fail = ${fail}
        const ending = globalThis.ending = { flushAtEnd: fail, unsent: () => 1, sayLosses() {}, flushNow() {} }
        flushAtExit(ending)`
      assert.deepEqual(await run(program), { code: 0, signal: null, stdout: '', stderr: LOST })
    }
  })
})

describe('a signal', { concurrency: 2 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`${signal}: flushes, and ends by it`, async () => {
      const end = await run(`${service()}; ${STAY}`, [signal])
      assert.deepEqual(end, { code: null, signal, stdout: SENT, stderr: '' })
    })
  }

  test('ends by it within the deadline when the collector is dead, and says the loss', async () => {
    const end = await run(`${service({ collected: 'new Promise(() => {})' })}; ${STAY}`, ['SIGTERM'])
    assert.deepEqual(end, { code: null, signal: 'SIGTERM', stdout: '', stderr: LOST })
  })

  test('a second one does not wait, and what is lost by it is said', async () => {
    const collected = `void writeSync(1, 'ready\\n') ?? new Promise(() => {})`
    const program = `${service({ collected, deadlineMs: 600_000 })}; ${STAY}`
    for (const signals of [
      ['SIGINT', 'SIGINT'],
      ['SIGTERM', 'SIGINT'],
      ['SIGINT', 'SIGHUP'],
    ] as const) {
      assert.deepEqual(await run(program, [...signals]), {
        code: null,
        signal: signals[1],
        stdout: '',
        stderr: LOST,
      })
    }
  })

  test("the service's own handler decides, and what it leaves is flushed", async () => {
    const program = `${service()}
      process.on('SIGTERM', () => { clearInterval(timer); process.exitCode = 7 }); ${STAY}`
    assert.deepEqual(await run(program, ['SIGTERM']), {
      code: 7,
      signal: null,
      stdout: SENT,
      stderr: '',
    })
  })

  test("the service's own handler may ignore it; the next signal ends it", async () => {
    const program = `${service()}
      process.on('SIGTERM', () => { publisher.report(newSpan(2)); writeSync(1, 'ready\\n') }); ${STAY}`
    const { code, signal } = await run(program, ['SIGTERM', 'SIGINT'])
    assert.deepEqual([code, signal], [null, 'SIGINT'])
  })

  test('two hooks both flush before it ends', async () => {
    const { signal, stdout } = await run(`${service({ hooks: 2 })}; ${STAY}`, ['SIGTERM'])
    assert.deepEqual([signal, stdout], ['SIGTERM', SENT])
  })

  test('a handler that ends the process only where it is alone still does', async () => {
    const program = `${service()}
      process.on('SIGTERM', function handler() {
        if (process.listenerCount('SIGTERM') > 1) return
        process.off('SIGTERM', handler)
        process.kill(process.pid, 'SIGTERM')
      }); ${STAY}`
    assert.equal((await run(program, ['SIGTERM'])).signal, 'SIGTERM')
  })
})

describe('no time to flush', { concurrency: 2 }, () => {
  test('process.exit: the loss is one line', async () => {
    const end = await run(`${service()}; process.exit(5)`)
    assert.deepEqual(end, { code: 5, signal: null, stdout: '', stderr: LOST })
  })

  test('an uncaught error: code and stack are as they would be', async () => {
    const program = `${service()}; throw new Error('fatal')`
    const end = await run(program)
    const { stderr } = await run(program.replace(/for .* flushAtExit.*/, ''))
    assert.deepEqual([end.code, end.signal, end.stdout], [1, null, ''])
    assert.equal(end.stderr.replace(LOST, ''), stderr)
    assert.ok(end.stderr.includes(LOST))
    assert.match(stderr, /Error: fatal/)
  })

  test('with nothing unsent nothing is said', async () => {
    const end = await run(`${service()}; await publisher.flush(); process.exit(0)`)
    assert.deepEqual(end, { code: 0, signal: null, stdout: SENT, stderr: '' })
  })
})

test('a publisher does not keep a process alive, its timers and connections included', async () => {
  const program = `${service()}; ${STAY}
    await publisher.flush()
    publisher.report(newSpan(2))
    clearInterval(timer)
    process.removeAllListeners('beforeExit')`
  const { code, stderr } = await run(program.replace(`writeSync(1, 'ready\\n');`, ''))
  assert.deepEqual([code, stderr], [0, LOST])
})

describe('a process', () => {
  const events = ['beforeExit', 'exit', 'SIGTERM', 'SIGINT', 'SIGHUP']
  const counts = (): number[] => events.map((event) => process.listenerCount(event))
  const idle = (): Ending => ({
    flushAtEnd: () => Promise.resolve(true),
    unsent: () => 0,
    sayLosses: () => {},
    flushNow: () => {},
  })

  test('has one set of handlers for all endings, and none after the last', async () => {
    const before = counts()
    const another: typeof import('#src/host/flush-at-exit.js') = await import(
      `${import.meta.resolve('#src/host/flush-at-exit.js')}?copy`
    )
    const undos = [flushAtExit, another.flushAtExit, flushAtExit].map((hook) => hook(idle()))
    assert.deepEqual(
      counts(),
      before.map((count) => count + 1),
    )
    for (const undo of undos) undo()
    assert.deepEqual(counts(), before)
  })

  test('does not hold what has nothing to send any more', async () => {
    const program = `
      import { createTracing } from 'tdist'
      import { testSender } from '${support}'
      const gone = []
      for (let i = 0; i < 11; i++) {
        const tracing = createTracing({ serviceName: 'shop', sender: testSender() })
        tracing.tracer.trace('work', () => {})
        await tracing.flush()
        gone.push(new WeakRef(tracing))
      }
      // What was looked at lives until the next turn.
      do {
        await new Promise(setImmediate)
        gc()
        await new Promise(setImmediate)
      } while (gone.slice(0, 10).some((tracing) => tracing.deref()))
      console.log(process.listenerCount('SIGTERM'))`
    const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', program])
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    assert.deepEqual([out, err], ['1\n', ''])
  })
})
