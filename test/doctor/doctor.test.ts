import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { TRACED, USED } from '#src/doctor/doctor.js'
import { isWithin } from '#src/doctor/version-range.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
  version: string
  peerDependencies: Record<string, string>
}

function run(folder: string, ...args: string[]) {
  const bin = join(ROOT, 'dist/cli.cjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe('npx tdist', () => {
  let folder: string

  function install(name: string, version: string, more: object = {}): void {
    const at = join(folder, 'node_modules', name)
    mkdirSync(at, { recursive: true })
    writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version, ...more }))
  }

  before(() => {
    // With a space, as in many a Windows home.
    folder = join(realpathSync(mkdtempSync(join(tmpdir(), 'tdist-'))), 'my shop')
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), '{ "name": "shop" }')
    const own = join(folder, 'node_modules/tdist')
    cpSync(`${ROOT}dist`, join(own, 'dist'), { recursive: true })
    cpSync(`${ROOT}package.json`, join(own, 'package.json'))
    install('express', '5.3.0')
    install('kafkajs', '1.9.0')
    install('@aws-sdk/client-kinesis', '3.900.1', { exports: { '.': './index.js' } })
  })
  after(() => rmSync(dirname(folder), { recursive: true }))

  it('says what is installed, what would be traced, and how to start it so', () => {
    const register = pathToFileURL(join(folder, 'node_modules/tdist/dist/register.cjs')).href
    const { status, stdout, stderr } = run(folder)
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    assert.deepEqual(stdout.split('\n'), [
      `tdist ${manifest.version} is installed in ${folder}/node_modules/tdist.`,
      `The service is called shop, by ${folder}/package.json; TDIST_SERVICE_NAME gives another name.`,
      '',
      `It traces, on Node ${process.versions.node}:`,
      '  node:http         requests and calls, node:https too',
      '  fetch             calls of Node’s own fetch',
      '  express    5.3.0  requests are named by their routes',
      '  kafkajs    1.9.0  untried: the tests run against >=2 <3',
      '',
      'It also finds:',
      '  @aws-sdk/client-kinesis  3.900.1  sends spans to Kinesis',
      '',
      'To start it so, from this folder or from any:',
      '  node --import tdist/register app.js',
      `  node --import ${register} app.js`,
      'For what starts Node itself (npm start, pm2, a test runner):',
      `  NODE_OPTIONS="--import=${register}"`,
      '',
      'Spans go to http://127.0.0.1:9411, unless TDIST_SENDER says otherwise. npx tdist-server receives and shows them.',
      '',
    ])
  })

  it('gives lines that start a traced service', () => {
    const lines = run(folder)
      .stdout.split('\n')
      .map((line) => line.trim())
    const program = join(folder, 'app.cjs')
    writeFileSync(program, `console.log(require('tdist').currentTracing()?.serviceName)`)
    const env = { ...process.env, TDIST_SENDER: 'none', TDIST_SERVICE_NAME: '' }
    delete (env as Record<string, string>)['TDIST_SERVICE_NAME']
    const commands = lines
      .filter((line) => line.startsWith('node --import'))
      .map((line) => line.replace(/ app\.js$/, ''))
    assert.equal(commands.length, 2)
    for (const command of commands) {
      const [, ...options] = command.split(' ')
      const { stdout } = spawnSync(process.execPath, [...options, program], {
        cwd: folder,
        env,
        encoding: 'utf8',
      })
      assert.equal(stdout, 'shop\n', command)
    }
    const [, value] = /^NODE_OPTIONS="(.*)"$/.exec(lines.find((line) => line.startsWith('NODE_OPTIONS'))!)!
    const { stdout } = spawnSync(process.execPath, [program], {
      cwd: tmpdir(),
      env: { ...env, NODE_OPTIONS: value },
      encoding: 'utf8',
    })
    assert.equal(stdout, 'shop\n')
  })

  it('says what to do where it is not installed, with exit code 1', () => {
    const { status, stdout } = run(dirname(folder))
    assert.equal(status, 1)
    assert.match(
      stdout,
      /^tdist is not installed in .*: npm install tdist\nThe service has no name, .*: set TDIST_SERVICE_NAME\.\n/,
    )
    assert.doesNotMatch(stdout, /--import/)
  })

  it('says its version and what it can do', () => {
    assert.deepEqual(run(folder, '--version'), { status: 0, stdout: `${manifest.version}\n`, stderr: '' })
    assert.match(run(folder, '--help').stdout, /^tdist: [^]*npx tdist-server/)
  })

  for (const [args, line] of [
    [
      ['demo', '--requests', '3'],
      'demo is a command of tdist-server now: npx tdist-server demo --requests 3',
    ],
    [['collect'], 'collect is a command of tdist-server now: npx tdist-server collect'],
    [['doctor'], 'it takes no doctor; see npx tdist --help'],
    [['--help', 'me'], 'it takes one argument at most, not --help me; see npx tdist --help'],
  ] as const) {
    it(`${args.join(' ')} is one clear line and exit code 2`, () => {
      assert.deepEqual(run(folder, ...args), { status: 2, stdout: '', stderr: `tdist: ${line}\n` })
    })
  }

  it('knows the peer dependencies, by their versions', () => {
    const known = Object.entries({ ...TRACED, ...USED }).map(([name, { versions }]) => [name, versions])
    const { pg: _, ...peers } = Object.fromEntries(known) as Record<string, string>
    assert.deepEqual(peers, manifest.peerDependencies)
  })

  it('compares versions by their numbers', () => {
    for (const [version, range, is] of [
      ['4.17.0', '>=4.17 <6', true],
      ['4.16.9', '>=4.17 <6', false],
      ['5.99.99', '>=4.17 <6', true],
      ['6.0.0', '>=4.17 <6', false],
      ['10.0.0', '>=6 <9', false],
      ['2.0.0-beta.1', '>=2 <3', true],
    ] as const) {
      assert.equal(isWithin(version, range), is, `${version} in ${range}`)
    }
  })
})
