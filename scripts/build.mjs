// Builds the package. `build/src` has every module by itself, for the tests of internals. `dist` is what is published:
// the same modules joined, because at start-up a file costs more than what stands in it. The half that runs in a
// service is one file, which its entries name their exports from; the commands and the collector are another.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { minify } from 'terser'

const root = fileURLToPath(new URL('..', import.meta.url))
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const entries = Object.values(exports)
  .filter((file) => file.endsWith('.js'))
  .map((file) => file.slice('./dist/'.length, -'.js'.length))
const receiving = ['cli', 'collector/collector', ...demoServices()]
const alone = ['cls']
const service = ['drop-in', ...entries.filter((entry) => ![...receiving, ...alone].includes(entry))]

rmSync(`${root}dist`, { recursive: true, force: true })
rmSync(`${root}build/src`, { recursive: true, force: true })
const tsc = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', root], {
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(1)

const options = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  logLevel: 'warning',
  // Lines are kept for stack traces, indentation is not.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 120,
  charset: 'utf8',
}
// Where a stack trace is read by nobody but us, the names go too.
const small = { ...options, minifyIdentifiers: true }
const joined = service.map((entry) => `export * from './src/${entry}.ts'`).join('\n')
await build({
  ...options,
  stdin: { contents: joined, resolveDir: root, sourcefile: 'service.ts' },
  outdir: undefined,
  outfile: 'dist/service.js',
})
writeFileSync(
  `${root}dist/service.js`,
  await shortened(withoutImports(readFileSync(`${root}dist/service.js`, 'utf8'))),
)
for (const entry of service) await writeFace(entry)
// A thread of its own, beside the file that starts it; it loads what it needs and nothing that traces.
await build({ ...small, entryPoints: ['src/publisher/worker/worker.ts'] })
// What can be used without tracing loads none of it.
await build({ ...options, entryPoints: alone.map((entry) => `src/${entry}.ts`) })
for (const kind of ['cjs', 'd.cts'])
  cpSync(`${root}build/src/register.${kind}`, `${root}dist/register.${kind}`)
await build({
  ...small,
  entryPoints: receiving.map((entry) => `src/${entry}.ts`),
  outbase: 'src',
  splitting: true,
  chunkNames: 'receiving-[hash]',
})
for (const entry of entries) copyTypes(entry)

function demoServices() {
  return readdirSync(`${root}src/demo`).map((file) => `demo/${file.slice(0, -'.ts'.length)}`)
}

/**
 * Node's own modules by `getBuiltinModule`: an import reads every export of theirs, and what only getters lead to is
 * loaded for it. 5 ms of a service's start.
 */
function withoutImports(code) {
  const named = /\bimport\s?\{([^}]*)\}\s?from\s?("node:\w+");/g
  const changed = code.replace(named, (_, names, module) => {
    return `const {${names.replaceAll(' as ', ': ')}} = process.getBuiltinModule(${module});`
  })
  if (/\bimport[\s{*"]/.test(changed))
    throw new Error('dist/service.js imports what it should not, or in another way')
  return changed
}

/**
 * With short names for what is local to a function: a quarter less to read at a start. What a stack trace shows stays, but
 * for private methods: the names of functions, classes and methods.
 */
async function shortened(code) {
  const { code: short } = await minify(code, {
    ecma: 2020,
    compress: false,
    // V8 names the handler to whoever gave one that is no function.
    mangle: { keep_classnames: true, keep_fnames: true, reserved: ['handler'] },
    format: { max_line_len: options.lineLimit, comments: false },
  })
  return short
}

/** An entry of the service's half: the names it exports, from the file that has them all. */
async function writeFace(entry) {
  const names = Object.keys(await import(`${root}build/src/${entry}.js`))
  const file = `${root}dist/${entry}.js`
  mkdirSync(posix.dirname(file), { recursive: true })
  writeFileSync(
    file,
    `export { ${names.join(', ')} } from '${posix.relative(posix.dirname(entry), '.') || '.'}/service.js'\n`,
  )
}

/** Copies a module's types, and those of the modules they name. */
function copyTypes(module) {
  const target = `${root}dist/${module}.d.ts`
  if (existsSync(target)) return
  const types = readFileSync(`${root}build/src/${module}.d.ts`, 'utf8').replace(
    /(from '\..+)\.ts'/g,
    "$1.js'",
  )
  mkdirSync(posix.dirname(target), { recursive: true })
  writeFileSync(target, types)
  for (const [, named] of types.matchAll(/from '(\..+)\.js'/g)) {
    copyTypes(posix.join(posix.dirname(module), named))
  }
}
