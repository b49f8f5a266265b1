import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/*
 * `currentTracing()`, `@traced()` and the count of faults mean the same tracing. Each program prints, for each copy of the
 * package, the names of the three.
 */
const PROGRAM = `
  const copy = () => {
    for (const file of Object.keys(require.cache)) if (file.includes('dist')) delete require.cache[file]
    return require('tdist')
  }
  const made = []
  const create = (tdist, serviceName, options) => {
    const spanHandler = { end: () => { spansOf = serviceName; return false } }
    const tracing = tdist.createTracing({ serviceName, sender: tdist.consoleSender(), spanHandler, ...options })
    made.push(tracing)
    return tracing
  }
  let spansOf
  const meant = (tdist) => {
    spansOf = 'none'
    const method = { value() {} }
    tdist.traced('work')({}, 'work', method)
    method.value()
    const all = () => made.map((tracing) => tracing.faults.tracer ?? 0)
    const before = all()
    // There is no function to wrap: a fault.
    ;(made[0] ?? tdist.currentTracing())?.tracer.wrap('nothing', undefined)
    const faultsOf = all().findIndex((count, i) => count > before[i])
    return [tdist.currentTracing()?.serviceName ?? 'none', spansOf, made[faultsOf]?.serviceName ?? 'none'].join(' ')
  }
  const answers = []
`

function run(body: string, nodeOptions: readonly string[] = []): string[] {
  const script = `${PROGRAM}${body}\nconsole.log(JSON.stringify(answers))`
  const env = { ...process.env, NODE_OPTIONS: '', TDIST_SERVICE_NAME: 'dropped-in', TDIST_SENDER: 'none' }
  const out = execFileSync(process.execPath, [...nodeOptions, '-e', script], {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(out) as string[]
}

describe('the tracing that is meant where none is handed over', () => {
  it('is none before one is made, then the one made last', () => {
    const answers = run(`
      const tdist = copy()
      answers.push(meant(tdist))
      create(tdist, 'first')
      answers.push(meant(tdist))
      create(tdist, 'second')
      answers.push(meant(tdist))`)
    assert.deepEqual(answers, ['none none none', 'first first first', 'second second second'])
  })

  it('is that one when it is off, too', () => {
    const answers = run(`
      const tdist = copy()
      create(tdist, 'first')
      create(tdist, 'off', { enabled: false })
      answers.push(tdist.currentTracing().serviceName, meant(tdist).split(' ')[1])`)
    assert.deepEqual(answers, ['off', 'none'])
  })

  it('is each copy’s own, and for one that has made none the one made last', () => {
    const answers = run(`
      const [one, other, third] = [copy(), copy(), copy()]
      create(one, 'of one')
      create(other, 'of other')
      const names = [one, other, third].map((tdist) => tdist.currentTracing().serviceName)
      // Faults are counted by the copy that the tracing is of: the first's.
      answers.push(...names, ...[one, other, third].map(meant))`)
    assert.deepEqual(answers, [
      'of one',
      'of other',
      'of other',
      'of one of one of one',
      'of other of other of one',
      'of other of other of one',
    ])
  })

  it('is the drop-in’s until the service makes one', () => {
    const answers = run(
      `
      const tdist = require('tdist')
      answers.push(tdist.currentTracing().serviceName)
      const dropIn = tdist.currentTracing()
      made.push(dropIn)
      answers.push(meant(tdist))
      create(tdist, 'own')
      answers.push(meant(tdist))
      answers.push(copy().currentTracing() === dropIn)`,
      ['--require', 'tdist/register'],
    )
    assert.deepEqual(answers, ['dropped-in', 'dropped-in none dropped-in', 'own own own', true])
  })
})
