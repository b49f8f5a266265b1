import { writeFileSync } from 'node:fs'
import { build } from 'esbuild'

// What every ESM bundle with a CommonJS package in it needs.
const banner = {
  js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)`,
}
const node = { bundle: true, platform: 'node' }
await build({ ...node, entryPoints: ['main.mjs'], format: 'cjs', outfile: 'out/esbuild-esm-to-cjs.cjs' })
await build({ ...node, entryPoints: ['main.mjs'], format: 'esm', outfile: 'out/esbuild-esm.mjs', banner })
await build({ ...node, entryPoints: ['main.cjs'], format: 'cjs', outfile: 'out/esbuild-cjs.cjs' })

// A thread of the service's own, which tdist must not take for its own.
writeFileSync('out/worker.cjs', `process.stderr.write("tdist: started the service's worker\\n")`)
