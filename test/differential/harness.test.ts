import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { Mode } from './case-run.ts'
import { checkCase } from './case.ts'
import { isExpected, parse } from './expectation.ts'
import type { SeenSpan } from './arrivals.ts'
import { setStage, type Stage } from './stage.ts'

const ONE = '\nLOCAL one\n'
/** Bodies of cases that are wrong when traced, and what the harness says of each. All are to have the span of `ONE`. */
const WRONG: Record<string, readonly [body: string, says: RegExp]> = {
  'says more': [`if (tracing) console.log('more')`, /differs from untraced/],
  'says more to standard error': [`if (tracing) console.error('more')`, /differs from untraced/],
  warns: [`if (tracing) process.emitWarning('odd')`, /differs from untraced/],
  'has an error that nobody handles': [
    `if (tracing) void Promise.reject(new Error('x'))`,
    /differs from untraced/,
  ],
  'ends otherwise': [`if (tracing) process.exitCode = 3`, /differs from untraced/],
  'is ended': [`if (tracing) process.kill(process.pid, 'SIGKILL')`, /differs from untraced/],
  'adds a listener': [
    `const emitter = new EventEmitter()
    if (tracing) emitter.on('close', () => {})
    console.log(listeners(emitter))`,
    /differs from untraced/,
  ],
  'has a fault': [`if (tracing) tracing.faults['somewhere'] = 1`, /somewhere/],
  'has a span more': [`tracing?.tracer.trace('two', () => {})`, /other spans/],
  'has an error': [`tracing?.tracer.trace('one', (span) => span.error('x'))`, /other spans/],
  'puts a span elsewhere': [
    `tracing?.tracer.trace('one', () => tracing.tracer.trace('two', () => {}))`,
    /other spans/,
  ],
  'loses a span': [
    `if (tracing) tracing.publisher.stats = () => ({ offered: 1, sent: 0, queued: 0, inFlight: 0 })`,
    /sent: 0/,
  ],
}

describe('the differential harness', () => {
  let stage: Stage | undefined
  let missing: string | undefined
  let names = 0
  before(async () => {
    stage = await setStage().catch((error: unknown) => {
      if (process.env['CI']) throw error
      missing = `the suite's packages can't be installed here: ${String(error)}`
      return undefined
    })
  })
  after(() => stage?.strike())

  function check(body: string, spans: string): Promise<void> {
    const file = `wrong-${names++}.mjs`
    const source = `import { EventEmitter } from 'node:events'
      export async function run({ tracing, listeners }) { console.log('said'); ${body} }`
    writeFileSync(stage!.folder + file, source)
    return checkCase(stage!, {
      file,
      title: file,
      isForThisNode: true,
      spans: new Map<Mode, string>([['byHand', spans]]),
    })
  }

  it('passes a case that is right', async (t) => {
    if (stage) await check(`tracing?.tracer.trace('one', () => {})`, ONE)
    else t.skip(missing)
  })

  for (const [what, [body, says]] of Object.entries(WRONG)) {
    it(`catches a case that ${what} when it is traced`, async (t) => {
      if (!stage) return t.skip(missing)
      const spans = /other spans/.test(String(says)) ? ONE : ''
      await assert.rejects(check(body, spans), says)
    })
  }
})

const span = (more: object): SeenSpan => ({ traceId: 'a', id: '1', name: 'GET', kind: 'CLIENT', ...more })

describe('an expectation', () => {
  const call = [
    span({}),
    span({ kind: 'SERVER', shared: true, tags: { 'http.path': '/a', error: '500' } }),
    span({
      id: '2',
      parentId: '1',
      kind: undefined,
      name: 'work',
      annotations: [{ timestamp: 1, value: 'seen' }],
    }),
  ]

  it('knows both halves of a call, and what was done in it', () => {
    const tree = 'CLIENT GET\n  SERVER GET {http.path=/a, error}\n    LOCAL work {@seen}'
    assert.ok(isExpected(call, tree))
    assert.ok(isExpected(call, tree.replace('error', 'error=500, !http.route, $traceId=a, $shared=true')))
  })

  const others = [
    'CLIENT GET\n  SERVER GET {http.path=/a}\n    LOCAL work',
    'CLIENT GET {error}\n  SERVER GET {error}\n    LOCAL work',
    'CLIENT GET\n  SERVER GET {http.path=/b, error}\n    LOCAL work',
    'CLIENT GET\n  SERVER GET {error=501}\n    LOCAL work',
    'CLIENT GET\n  SERVER GET {error, !http.path}\n    LOCAL work',
    'CLIENT GET\n  SERVER GET {error, $traceId=b}\n    LOCAL work',
    'CLIENT GET\n  SERVER GET {error}\n  LOCAL work',
    'CLIENT GET\n  SERVER GET {error}\n    LOCAL work {@said}',
    'CLIENT GET\n  SERVER GET {error}',
    'CLIENT GET\n  SERVER POST {error}\n    LOCAL work',
  ]
  for (const other of others)
    it(`is not met by other spans: ${other}`, () => assert.ok(!isExpected(call, other)))

  it('takes siblings in any order', () => {
    const two = [span({ tags: { n: '1' } }), span({ id: '2', tags: { n: '2' } })]
    assert.ok(isExpected(two, 'CLIENT GET {n=2}\nCLIENT GET'))
    assert.ok(!isExpected(two, 'CLIENT GET {n=2}\nCLIENT GET {n=3}'))
  })

  it('takes as many of a line as it says, each with what stands below', () => {
    const under = (parentId: string): SeenSpan => span({ id: `${parentId}1`, parentId, name: 'under' })
    const two = [span({}), under('1'), span({ id: '2' }), under('2')]
    assert.ok(isExpected(two, '2 CLIENT GET\n  CLIENT under'))
    assert.ok(!isExpected(two, '3 CLIENT GET\n  CLIENT under'))
    assert.ok(!isExpected(two.slice(1), '2 CLIENT GET\n  CLIENT under'))
    assert.ok(!isExpected(two.slice(0, 3), '2 CLIENT GET\n  CLIENT under'))
  })

  for (const line of ['GET', 'SEVER GET', 'CLIENT GET\n   SERVER GET', '  CLIENT GET']) {
    it(`is refused: ${line}`, () => assert.throws(() => parse(line), /no span is expected/))
  }
})
