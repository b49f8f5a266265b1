import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { whenLoaded } from '#src/transports/hooks/when-loaded.js'

interface Library {
  make: () => string
}

const folder = mkdtempSync(join(tmpdir(), 'tdist-load-'))
after(() => rmSync(folder, { recursive: true }))

/** A package of one file, and a way to load it from a file beside it. */
function library(name: string): { require: () => Library; import: () => Promise<Library> } {
  const place = join(folder, 'node_modules', name, 'lib')
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, '../package.json'), `{ "name": "${name}", "main": "lib/main.js" }`)
  writeFileSync(join(place, 'main.js'), 'exports.make = function () { return "made" }')
  const app = join(folder, `${name}.mjs`)
  writeFileSync(app, `export { make } from '${name}'`)
  const requireHere = createRequire(app)
  return {
    require: () => requireHere(name) as Library,
    import: () => import(pathToFileURL(app).href) as Promise<Library>,
  }
}

const trace = (exports: Library): (() => void) => {
  const { make } = exports
  exports.make = () => `traced ${make()}`
  return () => (exports.make = make)
}

describe('whenLoaded', () => {
  it('sees what is required or imported later, once, and takes it back', async () => {
    const one = library('later')
    const two = library('later-esm')
    const undoOne = whenLoaded('/later/lib/main.js', trace)
    const undoTwo = whenLoaded('/later-esm/lib/main.js', trace)
    assert.equal(one.require().make(), 'traced made')
    assert.equal(one.require().make(), 'traced made')
    assert.equal((await two.import()).make(), 'traced made', 'a named import')
    assert.equal(two.require().make(), 'traced made')
    undoOne()
    assert.equal(one.require().make(), 'made')
    assert.equal(two.require().make(), 'traced made')
    undoTwo()
    assert.equal(two.require().make(), 'made')
  })

  it('sees what was loaded before', () => {
    const { require } = library('before')
    assert.equal(require().make(), 'made')
    const undo = whenLoaded('/before/lib/main.js', trace)
    assert.equal(require().make(), 'traced made')
    undo()
    assert.equal(require().make(), 'made')
  })

  it('leaves other files alone, and Node as it was after the undo', () => {
    const { prototype } = process.getBuiltinModule('node:module') as unknown as {
      prototype: { load: unknown }
    }
    const { load } = prototype
    const { require } = library('another')
    const undo = whenLoaded('/nobody/lib/main.js', trace)
    assert.notEqual(prototype.load, load)
    assert.equal(require().make(), 'made')
    undo()
    assert.equal(prototype.load, load)
  })

  it('loads what could not be traced', () => {
    const { require } = library('broken')
    const undo = whenLoaded('/broken/lib/main.js', () => {
      throw new Error('not today')
    })
    assert.equal(require().make(), 'made')
    undo()
  })
})
