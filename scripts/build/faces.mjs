// Each subpath: a file for `require`, one for `import` that leads to it, and one set of types for both.
import { readFileSync } from 'node:fs'
import { exportsOf, root, write } from './bundle.mjs'
import { Reach } from './declarations.mjs'

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
  write(`${dist}/${subpath}.d.cts`, `export * from './${typesOf(dist, source)}.cjs'\n`)
  write(`${dist}/${subpath}.d.ts`, `export * from './${subpath}.cjs'\n`)
}

/** Writes to `<dist>/types` what the types of these sources lead to, and no more: the rest is nobody's but ours. */
export function writeTypes(dist, sources) {
  const reach = new Reach((path) => readFileSync(`${root}build/${path}`, 'utf8'))
  for (const source of sources) reach.all(source.replace(/\.ts$/, '.d.ts'))
  for (const path of reach.reached.keys()) {
    const types = reach.print(path).replace(/(from '\.[^']+?)\.ts'/g, "$1.cjs'")
    write(`${dist}/${typesOf(dist, path.replace(/\.d\.ts$/, ''))}.d.cts`, `${types}\n`)
  }
}

/** Where a source's types are: as they stand to one another in the repository, so that each finds the others. */
export function typesOf(dist, source) {
  const module = source.replace(/\.ts$/, '')
  return dist === 'dist' ? `types/${module.replace(/^src\//, '')}` : `types/${module}`
}
