import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { startProgram } from '../support/program.ts'
import { startSpanSink } from '../support/span-sink.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
// Outside of any package.
const folder = mkdtempSync(join(tmpdir(), 'tdist-'))
const service = `${folder}/a service, 100% #1`
const register = `${service}/node_modules/tdist/dist/register.cjs`

/** What is written in `NODE_OPTIONS` as the documentation has it. */
const forms = {
  '--require with a path in quotes': `--require="${register}"`,
  '--import with a URL': `--import=${pathToFileURL(register).href}`,
}

/** What is run in a folder that knows nothing of tdist. */
const commands: Record<string, readonly [string, ...string[]]> = {
  'node -e': ['node', '-e', 'console.log("ran")'],
  'node file': ['node', 'tool.cjs'],
  'npm start': ['npm', 'start', '--silent'],
  'a child of a child': [
    'node',
    '-e',
    "require('child_process').spawn('node', ['tool.cjs'], { stdio: 'inherit' })",
  ],
  'a worker thread': ['node', '-e', "new (require('worker_threads').Worker)('./tool.cjs')"],
}

describe('NODE_OPTIONS that name the file', () => {
  before(() => {
    mkdirSync(`${service}/node_modules/tdist`, { recursive: true })
    cpSync(`${ROOT}dist`, `${service}/node_modules/tdist/dist`, { recursive: true })
    cpSync(`${ROOT}package.json`, `${service}/node_modules/tdist/package.json`)
    mkdirSync(`${folder}/elsewhere`)
    writeFileSync(`${folder}/elsewhere/package.json`, '{ "scripts": { "start": "node tool.cjs" } }')
    writeFileSync(`${folder}/elsewhere/tool.cjs`, 'console.log("ran")')
    writeFileSync(
      `${service}/app.cjs`,
      `require('node:http').get('http://127.0.0.1:1').on('error', () => {})`,
    )
    writeFileSync(`${service}/package.json`, '{ "name": "shop" }')
  })
  after(() => rmSync(folder, { recursive: true }))

  for (const [form, NODE_OPTIONS] of Object.entries(forms)) {
    for (const [name, command] of Object.entries(commands)) {
      it(`${form}: ${name} elsewhere runs as it would, and nothing is said`, async (t) => {
        const program = startProgram(t, `${folder}/elsewhere`, command, { NODE_OPTIONS })
        assert.deepEqual([await program.ended, program.said], [0, { out: 'ran\n', err: '' }])
      })
    }

    it(`${form}: the service is traced, from whatever folder`, async (t) => {
      const sink = await startSpanSink()
      t.after(() => sink.close())
      const env = { NODE_OPTIONS, TDIST_ZIPKIN_URL: sink.url }
      const program = startProgram(t, `${folder}/elsewhere`, ['node', `${service}/app.cjs`], env)
      await program.ended
      assert.deepEqual(
        sink.spans.map(({ localEndpoint }) => localEndpoint!.serviceName),
        ['shop'],
      )
    })
  }

  const NODE_OPTIONS = forms['--require with a path in quotes']
  const line = 'the service has no name; set TDIST_SERVICE_NAME'
  for (const [env, err] of [
    [{ TDIST_SENDER: 'carrier-pigeon', TDIST_TAGS: 'region' }, ''],
    [{ TDIST_DEBUG: '1' }, `tdist: tracing is off: ${line}\n`],
    [
      { TDIST_SERVICE_NAME: '' },
      'tdist: tracing is off: TDIST_SERVICE_NAME is empty; give the name of this service\n',
    ],
  ] as const) {
    it(`without a name, ${JSON.stringify(env)}: ${err ? 'one line' : 'not a word'}`, async (t) => {
      const program = startProgram(t, `${folder}/elsewhere`, ['node', 'tool.cjs'], { NODE_OPTIONS, ...env })
      assert.deepEqual([await program.ended, program.said], [0, { out: 'ran\n', err }])
    })
  }

  it('a process without a name is not patched', async (t) => {
    const code = `console.log(Object.hasOwn(require('http').Server.prototype, 'emit'))`
    const program = startProgram(t, `${folder}/elsewhere`, ['node', '-e', code], { NODE_OPTIONS })
    assert.deepEqual([await program.ended, program.said], [0, { out: 'false\n', err: '' }])
  })
})
