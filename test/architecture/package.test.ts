import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { PEERS } from './floors.ts'
import { root } from './sources.ts'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies?: object
  exports: Record<
    string,
    string | { readonly default?: string; readonly import?: { readonly default: string } }
  >
  peerDependencies: Record<string, string>
  peerDependenciesMeta: Record<string, { optional?: boolean }>
}

describe('the package', () => {
  it('has no runtime dependency, and only optional peers', () => {
    assert.equal(manifest.dependencies, undefined)
    assert.deepEqual(Object.keys(manifest.peerDependencies).sort(), Object.keys(PEERS).sort())
    for (const peer in manifest.peerDependencies) {
      assert.equal(manifest.peerDependenciesMeta[peer]?.optional, true, peer)
    }
  })

  for (const [entry, target] of Object.entries(manifest.exports)) {
    const file = typeof target === 'string' ? target : (target.default ?? target.import!.default)
    if (file.endsWith('.json')) continue
    const specifier = `tdist${entry.slice(1)}`
    it(`${specifier} loads with require and import, as one instance, and says nothing`, () => {
      assert.ok(existsSync(join(root, file)), `${file} is built`)
      const script = `
        const required = require('${specifier}')
        import('${specifier}').then((imported) => {
          const same = Object.keys(required).every((name) => required[name] === imported[name])
          console.log(same ? 'one instance' : 'two instances')
        })`
      const env = { ...process.env, TDIST_SERVICE_NAME: 'test', TDIST_SENDER: 'none', NODE_OPTIONS: '' }
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=commonjs', '-e', script], {
        cwd: root,
        env,
        encoding: 'utf8',
      })
      assert.deepEqual({ stdout, stderr }, { stdout: 'one instance\n', stderr: '' })
    })
  }
})
