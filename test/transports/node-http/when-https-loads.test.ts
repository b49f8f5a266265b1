import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PEM = fileURLToPath(new URL('../../../../test/support/localhost.pem', import.meta.url))
const REGISTER = createRequire(import.meta.url).resolve('tdist/register')

/** What each program has of node:https: the names `createServer` and `get`. */
const WAYS: Readonly<Record<string, string>> = {
  require: `const { createServer, get } = require('node:https')`,
  'require without node:': `const { createServer, get } = require('https')`,
  'a require of its own making': `
    const { createRequire } = require('node:module')
    const { createServer, get } = createRequire(__filename)('https')`,
  getBuiltinModule: `const { createServer, get } = process.getBuiltinModule('node:https')`,
  'an agent made before': `
    new (require('node:http').Agent)()
    const { createServer, get } = require('node:https')`,
  import: `import https from 'node:https'\nconst { createServer, get } = https`,
  'import by name': `import { createServer, get } from 'node:https'`,
  'import of everything': `import * as https from 'https'\nconst { createServer, get } = https`,
  'import()': `const { createServer, get } = await import('node:https')`,
  'import() of a module that requires it': `
    const { createServer, get } = (await import('data:text/javascript,export { default } from "node:https"')).default`,
}

const CALL = `
  const pem = process.getBuiltinModule('node:fs').readFileSync(${JSON.stringify(PEM)})
  const server = createServer({ key: pem, cert: pem }, (request, response) => response.end('ok'))
  server.listen(0, '127.0.0.1', () => {
    const options = { port: server.address().port, rejectUnauthorized: false, agent: false }
    get(options, (response) => response.resume().on('end', () => server.close()))
  })`

async function run(program: string): Promise<string> {
  const isModule = /^\s*import |await /m.test(program)
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--import', REGISTER, `--input-type=${isModule ? 'module' : 'commonjs'}`, '-e', program],
    {
      env: { ...process.env, NODE_OPTIONS: '', TDIST_SERVICE_NAME: 'shop', TDIST_SENDER: 'console' },
      timeout: 60_000,
    },
  )
  assert.equal(stderr, '')
  return stdout
}

describe('node:https', () => {
  it('is not loaded for our sake', async () => {
    assert.equal(await run(`console.log(process.moduleLoadList.includes('NativeModule https'))`), 'false\n')
  })

  for (const [way, loading] of Object.entries(WAYS)) {
    it(`loaded by ${way}, is traced from the first call`, async () => {
      const spans = (await run(loading.replaceAll('__filename', `process.cwd() + '/x'`) + CALL))
        .split('\n')
        .filter(Boolean)
        .flatMap((line) => JSON.parse(line) as { kind: string; traceId: string }[])
      assert.deepEqual(spans.map(({ kind }) => kind).sort(), ['CLIENT', 'SERVER'])
      assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
    })
  }

  it('once it is loaded, what waited for it is as it was', async () => {
    const said = await run(`
      const Module = require('node:module')
      const { Agent } = require('node:http')
      const original = Symbol.for('tdist.original')
      const before = [Module._load[original], process.getBuiltinModule[original], undefined]
      require('node:https')
      const after = [Module._load, process.getBuiltinModule, Object.getOwnPropertyDescriptor(Agent.prototype, 'on')]
      console.log(before.slice(0, 2).every((fn) => typeof fn === 'function'), after.every((fn, i) => fn === before[i]))`)
    assert.equal(said, 'true true\n')
  })

  it('is patched by each that waits for it, though another fails, and given up by each by itself', async () => {
    const module = new URL('../../../src/transports/node-http/when-https-loads.js', import.meta.url).href
    const program = `
      import { whenHttpsLoads } from ${JSON.stringify(module)}
      const said = []
      const wait = (name) => whenHttpsLoads(() => (said.push(name), () => said.push('no ' + name)))
      whenHttpsLoads(() => { throw new Error('refused') })
      const undos = ['one', 'other', 'given up'].map(wait)
      undos[2]()
      process.getBuiltinModule('node:https')
      undos[0]()
      wait('late')
      console.log(said.join())`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    assert.equal(stdout, 'one,other,no one,late\n')
  })

  it('what asks for modules goes on as untraced: errors, results, this', async () => {
    const said = await run(`
      const said = []
      for (const name of ['no-such-module', { toString() { throw new Error('looked at') } }, undefined]) {
        try { said.push(typeof require(name)) } catch (error) { said.push(error.code ?? error.message) }
        try { said.push(typeof process.getBuiltinModule(name)) } catch (error) { said.push(error.code ?? error.message) }
      }
      console.log(said.join())`)
    const refused = 'ERR_INVALID_ARG_TYPE'
    assert.equal(said, `${['MODULE_NOT_FOUND', 'undefined', refused, refused, refused, refused].join()}\n`)
  })
})
