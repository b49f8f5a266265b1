import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { service, spanSink, ended } from './worker-support.ts'
import { spawn } from 'node:child_process'

const SPANS = 2000
const dist = fileURLToPath(new URL('../../../../dist', import.meta.url))
const COUNTS = `
  work(10)
  await tracing.flush(30_000)
  const { offered, sent, inDoubt, workerDeaths, calls } = tracing.publisher.stats()
  console.log(JSON.stringify({ offered, sent, inDoubt, workerDeaths, calls: calls > 0 }))
  work(3)
`
const WELL = { offered: SPANS + 10, sent: SPANS + 10, inDoubt: 0, workerDeaths: 0, calls: true }

interface Case {
  readonly flags?: readonly string[]
  readonly first?: string
  /** What stands in the place of the worker's file. */
  readonly worker?: string
  readonly says: RegExp
  readonly deaths?: number
}

const { allowedNodeEnvironmentFlags: known } = process
const PERMISSION = known.has('--permission') ? '--permission' : '--experimental-permission'
const NET = known.has('--allow-net') ? ['--allow-net'] : []

describe('where there can be no worker', { concurrency: 2 }, () => {
  const cases: Record<string, Case> = {
    "Node's permission model allows none": {
      flags: [PERMISSION, '--allow-fs-read=*', '--no-warnings', ...NET],
      says: /^tdist: publisher\.worker is left out: Node's permission model allows no worker; start with --allow-worker\n$/,
    },
    'Node refuses to start one': {
      first: `process.getBuiltinModule('node:worker_threads').Worker = class { constructor() { throw new Error('no threads left') } }`,
      says: /^tdist: the publisher has no worker, and the service's thread sends: no threads left\n$/,
    },
    'each ends at once': {
      worker: 'process.exit(7)',
      deaths: 3,
      says: /^(tdist: the publisher's worker ended and will be started again: exit code 7\n)?tdist: the publisher has no worker, and the service's thread sends: it ended again and again: exit code 7\n$/,
    },
    'each throws': {
      worker: `throw new Error('not here')`,
      deaths: 3,
      says: /thread sends: it ended again and again: not here\n$/,
    },
    'its file cannot be loaded': {
      worker: `require('no-such-package')`,
      deaths: 3,
      says: /thread sends: it ended again and again: Cannot find module 'no-such-package'/,
    },
  }
  for (const [name, { flags = [], first = '', worker, says, deaths = 0 }] of Object.entries(cases)) {
    test(`${name}: the service's thread sends, that is said once, and nothing is lost`, async (t) => {
      const sink = await spanSink()
      t.after(() => sink.close())
      const program = service(`httpSender({ url: '${sink.url}' })`, SPANS, COUNTS)
      const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', `${first}\n${program}`], {
        cwd: worker === undefined ? process.cwd() : packageWith(t, worker),
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      const { code, stdout, stderr } = await ended(child)
      assert.equal(code, 0, stderr)
      assert.match(stderr, says)
      assert.deepEqual(JSON.parse(stdout), { ...WELL, workerDeaths: deaths })
      assert.equal(sink.ids().length, SPANS + 13)
      assert.equal(new Set(sink.ids()).size, SPANS + 13)
    })
  }
})

/** A folder where tdist is installed, with another worker. */
function packageWith(t: TestContext, worker: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tdist-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const installed = join(folder, 'node_modules/tdist')
  cpSync(dist, join(installed, 'dist'), { recursive: true })
  cpSync(join(dist, '../package.json'), join(installed, 'package.json'))
  writeFileSync(join(installed, 'dist/bundles/tdist-worker.cjs'), worker)
  return folder
}
