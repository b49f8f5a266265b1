// Who receives and shows: an application of its own, with what it shares of the service's half joined in.
import { readdirSync, rmSync, symlinkSync } from 'node:fs'
import { build } from 'esbuild'
import { root, write } from './bundle.mjs'
import { typesOf, writeTypes } from './faces.mjs'

const SUBPATHS = { collector: 'server/src/collector/collector.ts' }

export async function buildServer() {
  // Tests of internals find the server's own packages, where the repository has others of their names.
  rmSync(`${root}build/server/node_modules`, { force: true })
  symlinkSync(`${root}server/node_modules`, `${root}build/server/node_modules`, 'junction')
  const demo = readdirSync(`${root}server/src/demo`).map((file) => `server/src/demo/${file}`)
  await joined('esm', ['server/src/cli.ts', ...demo], { splitting: true, chunkNames: 'chunks/[hash]' })
  for (const [subpath, source] of Object.entries(SUBPATHS)) {
    await joined('cjs', [source], {
      outbase: undefined,
      outExtension: { '.js': '.cjs' },
      entryNames: subpath,
    })
    const names = Object.keys(await import(`${root}build/${source.replace(/\.ts$/, '.js')}`))
    write(`server/dist/${subpath}.js`, `export { ${names.join(', ')} } from './${subpath}.cjs'\n`)
    write(`server/dist/${subpath}.d.cts`, `export * from './${typesOf('server/dist', source)}.cjs'\n`)
    write(`server/dist/${subpath}.d.ts`, `export * from './${subpath}.cjs'\n`)
  }
  writeTypes('server/dist', Object.values(SUBPATHS))
}

function joined(format, entryPoints, options) {
  return build({
    absWorkingDir: root,
    entryPoints,
    outdir: 'server/dist',
    outbase: 'server/src',
    bundle: true,
    packages: 'external',
    platform: 'node',
    format,
    target: 'node20.19',
    charset: 'utf8',
    logLevel: 'warning',
    ...options,
  })
}
