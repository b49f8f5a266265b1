import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { after, before, describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { COMPILERS } from './compilers.ts'
import { checkProject, readProject } from './project.ts'
import { openWorkshop, SUITE, type Workshop } from './workshop.ts'

const run = promisify(execFile)
/** What the program that uses every subpath compiles with. */
const TYPED = [
  '@aws-sdk/client-kinesis',
  '@types/express',
  '@types/node',
  'axios',
  'express',
  'kafkajs',
  'undici',
]
const projects = readdirSync(`${SUITE}/projects`)
  .filter((name) => name !== 'types')
  .map(readProject)

describe('the packages, as npm gets them', async () => {
  let workshop: Workshop | undefined
  let missing: string | undefined
  before(async () => {
    try {
      workshop = await openWorkshop()
    } catch (error) {
      if (process.env['CI']) throw error
      missing = `the suite's packages can't be installed here: ${(error as Error).message.split('\n')[0]}`
    }
  })
  after(() => workshop?.close())

  /** A test in the workshop; skipped by name without one. */
  function test(name: string, body: (t: TestContext, workshop: Workshop) => Promise<void>): void {
    it(name, async (t) => {
      if (workshop) await body(t, workshop)
      else t.skip(missing)
    })
  }

  test('tdist installs without a network, as one package, with its command', async (_, {
    folder,
    packed,
  }) => {
    const project = `${folder}/new`
    mkdirSync(project)
    writeFileSync(`${project}/package.json`, '{ "private": true }')
    const quiet = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await run('npm', ['install', ...quiet, packed.get('tdist')!.tarball], { cwd: project })
    const found = readdirSync(`${project}/node_modules`).filter((name) => !name.startsWith('.'))
    assert.deepEqual(found, ['tdist'])
    const { stdout } = await run('npm', ['exec', '--offline', 'tdist'], { cwd: project })
    assert.match(stdout, /tdist/)
  })

  for (const project of projects) {
    if (!project.isForThisNode) continue
    test(`${project.title} (${project.name})`, (t, shop) => checkProject(t, shop, project))
  }

  for (const [compiler, modes] of Object.entries(COMPILERS)) {
    if (!process.versions.node.startsWith('24.')) continue
    test(`the types of every subpath, by ${compiler}, in each of its modes`, async (t, shop) => {
      const projects = [
        shop.make('types/alone', ['@types/node', 'tdist']),
        shop.make('types/peers', [...TYPED, 'tdist', 'tdist-server']),
      ]
      const args = [
        `${SUITE}/check-types.mjs`,
        `${shop.installed}/${compiler}`,
        JSON.stringify(modes),
        ...projects,
      ]
      const { stdout } = await run(process.execPath, args)
      const { version, errors, others } = JSON.parse(stdout) as Checked
      t.diagnostic(`TypeScript ${version}, left out: ${others.length} errors in others' declarations`)
      for (const other of others) t.diagnostic(other)
      assert.deepEqual(errors, [])
    })
  }
})

/** What `check-types.mjs` prints. */
interface Checked {
  readonly version: string
  readonly errors: readonly string[]
  readonly others: readonly string[]
}
