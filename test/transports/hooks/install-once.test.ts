import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { installOnce } from '#src/transports/hooks/install-once.js'

describe('installOnce', () => {
  it('installs for the first who asks, and undoes for the last who gives it up', () => {
    const said: string[] = []
    const install = installOnce(() => {
      said.push('installed')
      return () => said.push('undone')
    })
    const [first, second] = [install(), install()]
    first()
    first()
    assert.deepEqual(said, ['installed'])
    second()
    assert.deepEqual(said, ['installed', 'undone'])
    install()
    assert.deepEqual(said, ['installed', 'undone', 'installed'])
  })

  it('tries again for the next who asks when it has failed', () => {
    let calls = 0
    let undone = 0
    const install = installOnce(() => {
      if (calls++ === 0) throw new Error('refused')
      return () => undone++
    })
    assert.throws(install, { message: 'refused' })
    const undo = install()
    assert.equal(calls, 2)
    undo()
    assert.equal(undone, 1)
  })
})
