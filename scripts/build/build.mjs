// Builds both packages. `build/` has every module by itself, for the tests of internals. `dist/` and `server/dist/` are
// what is published: the same modules joined, because at start-up a file costs more than what stands in it.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { root } from './bundle.mjs'
import { buildServer } from './server.mjs'
import { buildTdist } from './tdist.mjs'

for (const folder of ['dist', 'server/dist', 'build/src', 'build/server/src']) {
  rmSync(root + folder, { recursive: true, force: true })
}
const tsc = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', root], {
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(1)
await buildTdist()
await buildServer()
