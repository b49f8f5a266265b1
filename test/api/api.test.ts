import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

describe('the public face', () => {
  it('is what test/api/report.txt says', () => {
    const is = execFileSync(process.execPath, [join(root, 'scripts/api.mjs'), '--print'], {
      encoding: 'utf8',
    })
    const was = readFileSync(join(root, 'test/api/report.txt'), 'utf8')
    const changes = differences(was, is)
    assert.equal(
      changes.join('\n\n'),
      '',
      `public types have changed. Where that is meant, run \`npm run api\`, and say it in CHANGELOG.md:\n\n${changes.join('\n\n')}\n`,
    )
    assert.equal(is, was)
  })

  it('shows what has changed by its name, and nothing else', () => {
    const before = 'tdist\n=====\n\nfunction a(): void;\n\ninterface B {\n  one: 1;\n  two: 2;\n}\n'
    assert.deepEqual(differences(before, before), [])
    assert.deepEqual(differences(before, before.replace('two: 2', 'two: 3')), [
      'tdist: interface B\n-   two: 2;\n+   two: 3;',
    ])
    assert.deepEqual(differences(before, before.replace('function a(): void;\n\n', '')), [
      'tdist: function a\n- function a(): void;',
    ])
  })
})

/** Each declaration that is not what it was, with the lines that went and those that came. */
function differences(was: string, is: string): string[] {
  const [before, after] = [declarations(was), declarations(is)]
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [old, now] = [before.get(name) ?? [], after.get(name) ?? []]
    const gone = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`)
    const come = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`)
    return gone.length + come.length > 0 ? [[name, ...gone, ...come].join('\n')] : []
  })
}

/** The lines of each declaration, by its subpath and name. */
function declarations(report: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  let subpath = ''
  for (const block of report.trim().split(/\n\n+/)) {
    const lines = block.split('\n')
    if (lines[1]?.startsWith('==')) subpath = lines[0]!
    const [name] = /^\w+ [\w$]+/.exec(block) ?? [lines[0]]
    found.set(`${subpath}: ${name}`, lines)
  }
  return found
}
