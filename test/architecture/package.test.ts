import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { PEERS } from './floors.ts'
import { root } from './sources.ts'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies?: object
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
})
