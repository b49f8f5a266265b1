// Each subpath: a file for `require`, one for `import` that leads to it, and one set of types for both.
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { exportsOf, root, write } from './bundle.mjs'

/** `bundles`: which sources' exports each file in `<dist>/bundles` has, by its name. */
export async function writeFaces(dist, subpath, source, bundles) {
  const names = await exportsOf(source)
  const required = []
  for (const [bundle, sources] of Object.entries(bundles)) {
    const has = new Set((await Promise.all(sources.map(exportsOf))).flat())
    const taken = names.filter((name) => has.has(name) && !required.some(([, one]) => one.includes(name)))
    if (taken.length > 0) required.push([bundle, taken])
  }
  const lines = required.flatMap(([bundle, taken]) => [
    `const { ${taken.join(', ')} } = require('./bundles/${bundle}.cjs')`,
    // One by one, so that whoever reads this without running it sees the names.
    ...taken.map((name) => `exports.${name} = ${name}`),
  ])
  write(`${dist}/${subpath}.cjs`, `'use strict'\n${lines.join('\n')}\n`)
  write(`${dist}/${subpath}.js`, `export { ${names.join(', ')} } from './${subpath}.cjs'\n`)

  // One class, one symbol, whichever way it came.
  write(`${dist}/${subpath}.d.cts`, `export * from '${copyTypes(dist, source)}'\n`)
  write(`${dist}/${subpath}.d.ts`, `export * from './${subpath}.cjs'\n`)
}

const copied = new Set()

/** Copies a source's types, and those that they name, to `<dist>/types`; returns where a file in `dist` finds them. */
export function copyTypes(dist, source) {
  const module = source.replace(/\.ts$/, '')
  // As they stand to one another in the repository, so that each finds the others.
  const target = dist === 'dist' ? `types/${module.replace(/^src\//, '')}` : `types/${module}`
  if (!copied.has(`${dist}/${target}`)) {
    copied.add(`${dist}/${target}`)
    const types = readFileSync(`${root}build/${module}.d.ts`, 'utf8').replace(NAMED, "$1.cjs'")
    write(`${dist}/${target}.d.cts`, types)
    for (const [, , named] of types.matchAll(NAMED_AFTER))
      copyTypes(dist, posix.join(posix.dirname(source), `${named}.ts`))
  }
  return `./${target}.cjs`
}

const NAMED = /((?:from |import\()'\.[^']+?)\.ts'/g
const NAMED_AFTER = /(from |import\()'(\.[^']+?)\.cjs'/g
