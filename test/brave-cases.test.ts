import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

/** A file that holds the test under its own name, or why there is none. */
type Held = string | { readonly without: string }

const cases = JSON.parse(read('test/suites/brave-cases.json')) as Record<string, Record<string, Held>>

describe('every test that openzipkin/brave has of what is here too is held, under its own name', () => {
  const known = new Map<string, ReadonlySet<string>>()

  for (const [suite, names] of Object.entries(cases)) {
    for (const [name, held] of Object.entries(names)) {
      if (typeof held !== 'string') continue
      it(`${suite}.${name}`, () => assert.ok(titlesIn(held).has(name), `${held} has no ${name}`))
    }
  }

  function titlesIn(file: string): ReadonlySet<string> {
    let titles = known.get(file)
    if (titles === undefined) known.set(file, (titles = wordsInQuotes(read(file))))
    return titles
  }
})

/** A loop over a case and its asynchronous twin names both by a suffix. */
function wordsInQuotes(source: string): Set<string> {
  const words = new Set<string>()
  for (const suffix of ['', '_async']) {
    const quoted = source.replaceAll('${suffix}', suffix).match(/'[^'\n]*'|"[^"\n]*"|`[^`\n]*`/g) ?? []
    for (const text of quoted) for (const word of text.match(/\w+/g) ?? []) words.add(word)
  }
  return words
}

function read(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
}
