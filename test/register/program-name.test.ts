import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { answeringServer } from '../support/answering-server.ts'
import { startProgram } from '../support/program.ts'
import { startSpanSink } from '../support/span-sink.ts'

const FOLDER = fileURLToPath(new URL('../../register-programs/', import.meta.url))
const REGISTER = createRequire(import.meta.url).resolve('tdist/register')

/** A call, so that there is a span. */
const CALL = `require('node:http').get(process.env.TARGET, (answer) => answer.resume())`
const ESM_CALL = `import http from 'node:http'; http.get(process.env.TARGET, (answer) => answer.resume())`
/** As pm2's own containers load a program: in their process, and as its main module or by import. */
const LOAD = `
  process.title = 'node ' + process.env.pm_exec_path
  if (process.env.pm_exec_path.endsWith('.mjs')) import(require('node:url').pathToFileURL(process.env.pm_exec_path))
  else require('node:module')._load(process.env.pm_exec_path, null, true)
  process.mainModule = process.mainModule || {}
  process.mainModule.loaded = false
  require.main = process.mainModule`

const FILES: Record<string, string> = {
  'shop/package.json': '{ "name": "shop", "version": "1.4.0", "scripts": { "start": "node lib/index.cjs" } }',
  'shop/index.js': CALL,
  'shop/app.cjs': CALL,
  'shop/app.mjs': ESM_CALL,
  'shop/lib/package.json': '{ "type": "commonjs" }',
  'shop/lib/index.cjs': CALL,
  'shop/broken/package.json': '{ "name": "broken"',
  'shop/broken/app.cjs': CALL,
  'shop/nothing.cjs': '',
  'shop/argv.cjs': `process.argv[1] = 'a name for its usage'; ${CALL}`,
  'shop/cluster.cjs': `
    const cluster = require('node:cluster')
    cluster.setupPrimary({ exec: process.env.EXEC })
    cluster.fork()`,
  'shop/starts.cjs': `
    require('node:child_process').spawn(process.execPath, [process.env.CHILD], { stdio: 'inherit' })`,
  'shop/thread.cjs': `
    const { Worker } = require('node:worker_threads')
    new Worker(require.resolve('pool/worker.js'))`,
  'shop/node_modules/pool/package.json': '{ "name": "pool" }',
  'shop/node_modules/pool/worker.js': CALL,
  'shop/node_modules/next/package.json': '{ "name": "next", "version": "15.0.0" }',
  'shop/node_modules/next/bin/next.cjs': `#!/usr/bin/env node\n${CALL}`,
  'billing/package.json': '{ "name": "billing" }',
  'billing/app.cjs': CALL,
  'pm2/package.json': '{ "name": "pm2" }',
  'pm2/lib/ProcessContainerFork.js': LOAD,
  'pm2/lib/ProcessContainer.js': `
    const all = JSON.parse(process.env.pm2_env)
    for (const name in all) process.env[name] = all[name]
    delete process.env.pm2_env
    ${LOAD}`,
  'runner/package.json': '{ "name": "runner" }',
  'runner/main.cjs': `
    process.argv = [process.argv[0], ...process.argv.slice(2)]
    require('node:module').runMain()`,
  'runner/esm.mjs': `
    process.argv.splice(1, 1)
    import(process.argv[1])`,
  'runner/hook.cjs': '',
}

interface Case {
  readonly command: readonly [string, ...string[]]
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly service?: string
  readonly version?: string | undefined
}

const preload = ['node', '--require', REGISTER] as const
const inPreload = { NODE_OPTIONS: `--require "${REGISTER}"` }
const pm2 = (file: string): NodeJS.ProcessEnv => ({ ...inPreload, pm_exec_path: FOLDER + file })
const pm2Cluster = (file: string): NodeJS.ProcessEnv => ({
  ...inPreload,
  EXEC: `${FOLDER}pm2/lib/ProcessContainer.js`,
  pm2_env: JSON.stringify({ pm_exec_path: FOLDER + file }),
})

const cases: Record<string, Case> = {
  'a file': { command: [...preload, `${FOLDER}shop/app.cjs`] },
  'an ESM file': { command: [...preload, `${FOLDER}shop/app.mjs`] },
  'a file named without its extension': { command: [...preload, 'shop/index'] },
  'node .': { command: [...preload, '.'], cwd: 'shop' },
  'node folder': { command: [...preload, 'shop'] },
  'node -r hook': { command: [...preload, '-r', `${FOLDER}runner/hook.cjs`, 'shop/app.cjs'] },
  'node --import hook': { command: [...preload, '--import', `${FOLDER}runner/hook.cjs`, 'shop/app.mjs'] },
  'a package.json without a name nearer by': { command: [...preload, 'shop/lib/index.cjs'] },
  'a package.json that is none nearer by': { command: [...preload, 'shop/broken/app.cjs'] },
  'npm start': { command: ['npm', 'start', '--silent'], cwd: 'shop', env: inPreload },
  'a symlink from elsewhere': { command: [...preload, 'link.cjs'] },
  'a symlink in node_modules/.bin': {
    command: ['shop/node_modules/.bin/next'],
    env: inPreload,
    service: 'next',
    version: '15.0.0',
  },
  'the same for a service that has a name': {
    command: ['shop/node_modules/.bin/next'],
    env: { ...inPreload, TDIST_SERVICE_NAME: 'shop' },
    version: undefined,
  },
  '-e, of its folder': { command: [...preload, '-e', CALL], cwd: 'shop' },
  '-e with a path for an argument': {
    command: [...preload, '-e', CALL, `${FOLDER}billing/app.cjs`],
    cwd: 'shop',
  },
  'standard input, of its folder': {
    command: ['bash', '-c', `node - < app.cjs`],
    cwd: 'shop',
    env: inPreload,
  },
  'the REPL, of its folder': {
    command: ['bash', '-c', '{ echo "$CODE"; cat; } | node -i > /dev/null'],
    cwd: 'shop',
    env: { ...inPreload, CODE: CALL },
  },
  'a program that changes its own argv[1]': { command: [...preload, 'shop/argv.cjs'] },
  'a launcher that runs another main module': {
    command: [...preload, 'runner/main.cjs', `${FOLDER}shop/app.cjs`],
  },
  'a launcher that imports the program': { command: [...preload, 'runner/esm.mjs', `${FOLDER}shop/app.mjs`] },
  'pm2, fork mode': { command: ['node', 'pm2/lib/ProcessContainerFork.js'], env: pm2('shop/app.cjs') },
  'pm2, fork mode, ESM': { command: ['node', 'pm2/lib/ProcessContainerFork.js'], env: pm2('shop/app.mjs') },
  'pm2, cluster mode': {
    command: ['node', 'shop/cluster.cjs'],
    env: pm2Cluster('billing/app.cjs'),
    service: 'billing',
  },
  'pm2, cluster mode, ESM': { command: ['node', 'shop/cluster.cjs'], env: pm2Cluster('shop/app.mjs') },
  'a child of what pm2 runs': {
    command: ['node', 'pm2/lib/ProcessContainerFork.js'],
    env: { ...pm2('shop/starts.cjs'), CHILD: `${FOLDER}billing/app.cjs` },
    service: 'billing',
  },
  'a worker of node:cluster': {
    command: ['node', 'shop/cluster.cjs'],
    env: { ...inPreload, EXEC: `${FOLDER}billing/app.cjs` },
    service: 'billing',
  },
  "a library's worker thread": { command: [...preload, 'shop/thread.cjs'] },
}

describe('without a name the service has that of its program’s package', () => {
  before(() => {
    rmSync(FOLDER, { recursive: true, force: true })
    for (const [file, text] of Object.entries(FILES)) {
      mkdirSync(dirname(FOLDER + file), { recursive: true })
      writeFileSync(FOLDER + file, text)
    }
    symlinkSync('shop/app.cjs', `${FOLDER}link.cjs`)
    mkdirSync(`${FOLDER}shop/node_modules/.bin`)
    symlinkSync('../next/bin/next.cjs', `${FOLDER}shop/node_modules/.bin/next`)
    chmodSync(`${FOLDER}shop/node_modules/next/bin/next.cjs`, 0o755)
  })

  for (const [name, { service = 'shop', ...given }] of Object.entries(cases)) {
    it(name, async (t) => {
      const version = 'version' in given ? given.version : service === 'shop' ? '1.4.0' : undefined
      const [span, ...more] = await spansOf(t, given)
      assert.deepEqual(
        [span!.localEndpoint!.serviceName, span!.tags!['service.version'], more.length],
        [service, version, 0],
      )
    })
  }
})

async function spansOf(t: TestContext, { command, cwd = '', env }: Case) {
  const sink = await startSpanSink()
  t.after(() => sink.close())
  const target = await answeringServer()
  t.after(() => target.close())
  target.enqueue({ body: 'well' })
  const variables = { TDIST_ZIPKIN_URL: sink.url, TARGET: target.origin, ...env }
  const program = startProgram(t, FOLDER + cwd, command, variables)
  await sink.arrival(1)
  program.kill('SIGTERM')
  await program.ended
  assert.equal(program.said.err, '')
  return sink.spans
}
