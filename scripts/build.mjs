// Builds the package. `build/src` has every module on its own, for the tests of internals; `dist` is what is
// published: the same modules joined into one file an entry and what entries share, because at start-up a file costs
// more than what stands in it.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const { exports, bin } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const inSrc = (file) => file.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts')

rmSync(`${root}dist`, { recursive: true, force: true })
rmSync(`${root}build/src`, { recursive: true, force: true })
execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', root], { stdio: 'inherit' })
for (const file of Object.values(exports)) if (file.endsWith('.js')) copyTypes(file.slice('./dist/'.length, -3))

await build({
  absWorkingDir: root,
  entryPoints: [
    ...Object.values(exports).filter((file) => file.endsWith('.js')).map(inSrc),
    ...Object.values(bin).map(inSrc),
    'src/drop-in.ts',
    ...readdirSync(`${root}src/demo`).map((file) => `src/demo/${file}`),
  ],
  outbase: 'src',
  outdir: 'dist',
  chunkNames: 'shared/[name]-[hash]',
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  logLevel: 'warning',
})

/** Copies a module's types, and those of the modules they name. */
function copyTypes(module) {
  const target = `${root}dist/${module}.d.ts`
  if (existsSync(target)) return
  const types = readFileSync(`${root}build/src/${module}.d.ts`, 'utf8').replace(/(from '\..+)\.ts'/g, "$1.js'")
  mkdirSync(posix.dirname(target), { recursive: true })
  writeFileSync(target, types)
  for (const [, named] of types.matchAll(/from '(\..+)\.js'/g)) {
    copyTypes(posix.join(posix.dirname(module), named))
  }
}
