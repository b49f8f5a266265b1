import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isExpected, parse, rendered } from './expectation.ts'
import { runCase, type CaseRun, type Mode } from './case-run.ts'
import { SUITE, type Stage } from './stage.ts'

/** A case, as its source describes it; it is read, not loaded: what it imports may not be for this Node. */
export interface Case {
  readonly file: string
  readonly title: string
  /** The spans expected of each traced mode that the case has. */
  readonly spans: ReadonlyMap<Mode, string>
  /** Whether it is for this Node: `every`, `22+`, or 24 alone. */
  readonly isForThisNode: boolean
}

const THIS_NODE = Number.parseInt(process.versions.node)
const MAX_LINES = 40

/** Throws where the source lacks a title or an expectation, or is too long to be read at a glance. */
export function readCase(file: string): Case {
  const source = readFileSync(SUITE + file, 'utf8')
  assert.ok(source.trimEnd().split('\n').length <= MAX_LINES, `${file} has more than ${MAX_LINES} lines`)
  const title = /^\/\/ (.+)/.exec(source)?.[1]
  assert.ok(title, `${file} begins with a line of comment that says what it holds`)
  const nodes = /^export const nodes = '(every|\d\d\+)'$/m.exec(source)?.[1]
  const spans = new Map<Mode, string>()
  for (const [, name, text] of source.matchAll(/^export const (spans|dropIn|byHand) = `([^`]*)`$/gm)) {
    parse(text!)
    for (const mode of name === 'spans' ? (['dropIn', 'byHand'] as const) : [name as Mode])
      spans.set(mode, text!)
  }
  assert.ok(spans.size > 0, `${file} exports spans, or dropIn and byHand`)
  return { file, title, spans, isForThisNode: isFor(nodes) }
}

function isFor(nodes: string | undefined): boolean {
  if (nodes === undefined) return THIS_NODE === 24
  return nodes === 'every' || THIS_NODE >= Number.parseInt(nodes)
}

/** Runs a case in all its modes at once. Rejects with the first difference. */
export async function checkCase(stage: Stage, { file, spans }: Case): Promise<void> {
  const modes = [...spans.keys()]
  const [untraced, ...traced] = await Promise.all(
    (['untraced', ...modes] as const).map((mode) => runCase(stage, file, mode)),
  )
  assert.notEqual(untraced!.host.stdout, '', `it says something untraced: ${untraced!.host.stderr}`)
  for (const [i, mode] of modes.entries()) {
    const run = traced[i]!
    assert.deepEqual(run.host, untraced!.host, `${mode} differs from untraced`)
    assertAccount(run, mode)
    const expected = spans.get(mode)!
    if (!isExpected(run.spans, expected)) {
      assert.equal(`\n${rendered(run.spans, expected)}\n`, expected, `other spans than expected ${mode}`)
    }
  }
}

/** Every span that began was sent, nothing of ours failed, and nothing is left over. */
function assertAccount({ account, spans, host }: CaseRun, mode: Mode): void {
  if (typeof host.end === 'string') return
  assert.ok(account, `${mode} left its accounts`)
  const { stats, faults, isCurrent } = account
  assert.deepEqual({ faults, isCurrent }, { faults: {}, isCurrent: false }, mode)
  const { offered, sent } = stats
  const arrived = spans.filter(({ localEndpoint }) => localEndpoint?.serviceName === 'case').length
  assert.deepEqual(
    { sent, arrived },
    { sent: offered, arrived: offered },
    `${mode}: ${JSON.stringify(stats)}`,
  )
}
