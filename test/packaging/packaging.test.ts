import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { after, before, describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { checkProject, readProject } from './project.ts'
import { openWorkshop, SUITE, type Workshop } from './workshop.ts'

const run = promisify(execFile)
const projects = readdirSync(`${SUITE}/projects`).filter((name) => name !== 'types').map(readProject)

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

  test('tdist installs without a network, as one package, with its command', async (_, { folder, packed }) => {
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
})
