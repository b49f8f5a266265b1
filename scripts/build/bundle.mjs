// Joins modules into one CommonJS file, which every tool can load: Jest's default mode knows nothing else.
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import { minify } from 'terser'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** What stands for CommonJS's own names until esbuild, which takes the text for an ES module, is done with it. */
const [REQUIRE, DIRNAME] = ['$tdistRequire', '$tdistDirname']

/**
 * Writes `dist/bundles/<name>.cjs` and its source map: what the source text `contents` exports. What it needs of the
 * files in `shared` it takes from them. Returns the sources that are in it, by their paths.
 */
export async function bundle(name, contents, shared = []) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    stdin: { contents, resolveDir: root, sourcefile: `${name}.ts` },
    outfile: `dist/bundles/${name}.cjs`,
    write: false,
    metafile: true,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
    minifySyntax: true,
    charset: 'utf8',
    sourcemap: 'external',
    plugins: [besideTheBundle, ...shared.map(takenFrom)],
  })
  const [map, code] = ['.map', '.cjs'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).text)
  const short = await shortened(name, toCommonJs(code), map)
  write(`dist/bundles/${name}.cjs`, short.code)
  write(`dist/bundles/${name}.cjs.map`, short.map)
  return new Set(Object.keys(metafile.inputs).filter((input) => input.startsWith('src/')))
}

export function write(file, text) {
  mkdirSync(dirname(root + file), { recursive: true })
  writeFileSync(root + file, text)
}

/** The files that bundles load when they need them. */
export const askedFor = new Set()

/** A file of ours that is loaded when it is needed is a bundle beside the one that asks for it. */
const besideTheBundle = {
  name: 'beside the bundle',
  setup({ onLoad }) {
    onLoad({ filter: /src\/.*\.ts$/, namespace: 'file' }, async ({ path }) => ({
      loader: 'ts',
      contents: (await readFile(path, 'utf8'))
        .replace(/\bownRequire\('([^']+)'\)/g, (_, file) => `${REQUIRE}('${beside(basename(file))}')`)
        // In a service's bundle we stand among its files, and a worker.cjs there is its own.
        .replace(/\bownFile\('([^']+)'\)/g, (_, file) => {
          return `(${DIRNAME} + '${beside(`tdist-${basename(file)}`).slice(1)}')`
        })
        .replace(/^import .*own-files\.ts'$/m, ''),
    }))
  },
}

function beside(name) {
  const file = `./${name}.cjs`
  askedFor.add(file)
  return file
}

/** What a shared file has, `sources`, is not joined again, but taken from what it exports as `parts`: `needed`. */
function takenFrom({ name, sources, needed }) {
  return {
    name: `taken from ${name}`,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\..*\.ts$/ }, ({ path, resolveDir }) => {
        const source = `${resolveDir}/${path}`.slice(root.length)
        const file = new URL(source, 'file:///').pathname.slice(1)
        if (!sources.has(file)) return undefined
        needed.add(file)
        return { path: file, namespace: name }
      })
      onLoad({ filter: /./, namespace: name }, async ({ path }) => {
        const names = await exportsOf(path)
        return {
          contents: `export const { ${names.join(', ')} } = ${REQUIRE}('./${name}.cjs').parts[${JSON.stringify(path)}]`,
        }
      })
    },
  }
}

/** What a module exports, types aside. */
export async function exportsOf(source) {
  return Object.keys(await import(`${root}build/${source.replace(/\.ts$/, '.js')}`))
}

/**
 * Our modules import by name alone, so both forms say the same. Line by line, for the source map. `require` gives what
 * is asked for; esbuild's own conversion would look each name up at each use.
 */
function toCommonJs(code) {
  const changed = code
    .replace(/^import\s*\{([^}]*)\}\s*from\s*("[^"]+");/gm, (_, names, module) => {
      return `const {${names.replaceAll(' as ', ': ')}} = require(${module});`
    })
    // Jest's default mode has no `import()`. Only in a `try` of its own may a bundler of the service not find it.
    .replace(
      /\bimport\(("[^"]+")\)/g,
      'Promise.resolve().then(() => { try { return require($1) } catch (error) { throw error } })',
    )
    .replaceAll(REQUIRE, 'require')
    // Who bundles a service as an ES module leaves us no folder.
    .replaceAll(DIRNAME, "(typeof __dirname === 'string' ? __dirname : '')")
    .replace(/^export\s*\{([^}]*)\};/gm, (_, names) => {
      return names
        .split(',')
        .map((name) => name.trim().split(' as '))
        .filter(([local]) => local !== '')
        .map(([local, exported = local]) => `exports.${exported} = ${local};`)
        .join('')
    })
  if (/^(import|export)\b(?!\()/m.test(changed))
    throw new Error('a module is imported in another way than by name')
  return `"use strict";${changed}`
}

/**
 * With short names for what is local to a function: a quarter less to read at a start. What a stack trace shows stays, but
 * for private methods: the names of functions, classes and methods.
 */
async function shortened(name, code, map) {
  const short = await minify(code, {
    ecma: 2020,
    compress: false,
    // V8 names the handler to whoever gave one that is no function.
    mangle: { toplevel: true, keep_classnames: true, keep_fnames: true, reserved: ['handler'] },
    format: { max_line_len: 120, comments: false },
    sourceMap: { content: map, filename: `${name}.cjs`, url: `${name}.cjs.map` },
  })
  return short
}
