import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { startLocalKinesis, type LocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import { call, span } from '../../../test/support/trace-spans.js'

const CLI = fileURLToPath(new URL('../../../../server/dist/cli.js', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function start(...args: string[]): ChildProcessWithoutNullStreams {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))
  // No configuration files of AWS's: what they hold is not for tests.
  const files = { AWS_CONFIG_FILE: '/nowhere', AWS_SHARED_CREDENTIALS_FILE: '/nowhere' }
  return spawn(process.execPath, [CLI, ...args], {
    env: { ...Object.fromEntries(own), ...files, LC_ALL: 'C.UTF-8' },
  })
}

async function end(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

const run = (...args: string[]): Promise<Ended> => end(start(...args))

const FROM = 'give trim-horizon, latest or a time as 2026-01-31T12:00:00Z'

/** What is said of options whose value is of no use: the option, the value, the option as the help has it, and the advice. */
function invalid(command: string, cases: readonly string[][]): [string[], string][] {
  return cases.map(([option, value, flag, advice]) => [
    [command, option!, value!],
    `option '${flag}' argument '${value}' is invalid: ${advice}; see tdist-server ${command} --help`,
  ])
}

describe('tdist-server', () => {
  it('says its version, and what it can do', async () => {
    assert.match((await run('--version')).out, /^\d+\.\d+\.\d+\n$/)
    for (const args of [['--help'], ['-h'], ['collect', '--help'], ['demo', '-h'], ['local-kinesis', '-h']]) {
      const { code, out, err } = await run(...args)
      assert.equal(code, 0)
      assert.equal(err, '')
      assert.match(out, /^Usage: tdist-server [^]*--help/)
      for (const line of out.split('\n')) assert.ok(line.length <= 110, line)
    }
  })

  const wrong: [string[], string][] = [
    [[], 'name a command: demo, collect, local-kinesis; see tdist-server --help'],
    [['toString'], "unknown command 'toString'; see tdist-server --help"],
    [['--verbose'], "unknown option '--verbose'; see tdist-server --help"],
    [['collect'], 'name the stream to read: --stream NAME'],
    [['collect', '--strem', 'x'], "unknown option '--strem'; see tdist-server collect --help"],
    [['collect', '--stream'], "option '--stream <name>' argument missing; see tdist-server collect --help"],
    [
      ['collect', '--stream', 'a', 'b'],
      "too many arguments for 'collect'. Expected 0 arguments but got 1; see tdist-server collect --help",
    ],
    ...invalid('collect', [
      ['--stream', '', '--stream <name>', 'give one as spans'],
      ['--region', ' ', '--region <name>', 'give one as us-east-1'],
      ['--from', 'yesterday', '--from <where>', FROM],
      ['--from', '2026-13-31', '--from <where>', FROM],
      ['--to', 'disk', '--to <where>', 'give terminal, json or zipkin=URL'],
      ['--to', 'zipkin=', '--to <where>', 'give a URL as http://127.0.0.1:9411'],
      ['--endpoint', 'localhost:4567', '--endpoint <url>', 'give a URL as http://127.0.0.1:9411'],
      ['--settle', '1.5', '--settle <ms>', 'give a whole number from 0 to 600000'],
    ]),
    ...invalid('demo', [['--requests', '0', '--requests <n>', 'give a whole number from 1 to 100000']]),
    [['demo', '--fast'], "unknown option '--fast'; see tdist-server demo --help"],
    ...invalid('local-kinesis', [
      ['--port', '65536', '--port <n>', 'give a whole number from 0 to 65535'],
      ['--shards', 'two', '--shards <n>', 'give a whole number from 1 to 10000'],
      ['--stream', 'a b', '--stream <name>', 'give 1 to 128 letters, digits, dots, dashes and underscores'],
    ]),
  ]
  for (const [args, line] of wrong) {
    it(`${['tdist-server', ...args].join(' ')} is one clear line and exit code 2`, async () => {
      assert.deepEqual(await run(...args), { code: 2, out: '', err: `tdist-server: ${line}\n` })
    })
  }
})

describe('tdist-server collect', () => {
  const spans = [
    span(1, undefined, 'shop', 'GET /cart', 0, 9000, { kind: 'SERVER' }),
    ...call(2, 1, ['shop', 'catalog'], 'GET /items', 1000, 3000),
  ]
  let kinesis: LocalKinesis
  let from: string[]

  before(async () => {
    kinesis = await startLocalKinesis({ streams: { spans: 2, empty: 1 } })
    from = ['collect', '--endpoint', kinesis.endpoint, '--stream', 'spans']
    await put(Buffer.from(JSON.stringify(spans.slice(0, 1))), 'a')
    await put(Buffer.from(JSON.stringify(spans.slice(1))), 'b')
    await put(Buffer.from('not spans'), 'c')
  })

  after(() => kinesis.close())

  async function put(
    Data: Uint8Array,
    PartitionKey: string,
    to: LocalKinesis = kinesis,
    StreamName = 'spans',
  ): Promise<void> {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const client = new KinesisClient({ endpoint: to.endpoint, region: 'us-east-1', credentials })
    await client.send(new PutRecordsCommand({ StreamName, Records: [{ Data, PartitionKey }] }))
    client.destroy()
  }

  it('prints the traces of a stream on standard output, the counts on standard error', async () => {
    const { code, out, err } = await run(...from, '--once')
    assert.equal(code, 0)
    assert.match(out, /^trace 463ac35c9f6413ad48485a3953bb6124 · 9.00 ms · 2 services · 3 spans\n/)
    assert.match(out, /\nshop GET \/cart +9.00 ms [^]*\n└─ catalog GET \/items +3.00 ms +2.20 ms /)
    const counts = '3 records, 3 spans; dropped 1 record, 0 spans; 1 trace'
    assert.match(err, /^tdist-server: dropped a record of 9 bytes \(6e6f74207370616e73…\): .*\n/)
    assert.ok(err.endsWith(`tdist-server: ${counts}\n`), err)
  })

  it('prints each trace as a line of JSON', async () => {
    const { code, out } = await run(...from, '--once', '--to', 'json')
    assert.equal(code, 0)
    const [line, ...rest] = out.split('\n')
    assert.deepEqual(rest, [''])
    const sorted = JSON.parse(line!) as { name: string }[]
    assert.deepEqual(
      sorted.map(({ name }) => name),
      ['GET /cart', 'GET', 'GET /items'],
    )
  })

  it('forwards to a Zipkin server', async (t) => {
    const bodies: string[] = []
    const server = createServer((req, res) => {
      let body = ''
      req.on('data', (chunk) => (body += chunk))
      req.on('end', () => {
        bodies.push(body)
        res.writeHead(202).end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, out, err } = await run(...from, '--once', '--to', `zipkin=${url}`)
    assert.equal(code, 0)
    assert.equal(out, '')
    assert.equal(bodies.flatMap((body) => JSON.parse(body) as unknown[]).length, 3)
    assert.match(err, /; sent 3 spans\n$/)
  })

  /** A server that answers every request so; its base URL. */
  async function answering(t: TestContext, status: number, headers = {}, body = ''): Promise<string> {
    const server = createServer((req, res) => {
      req.resume().on('end', () => res.writeHead(status, headers).end(body))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it('says that a server which sends it elsewhere took nothing, with exit code 1', async (t) => {
    const page = await answering(t, 200)
    const url = await answering(t, 302, { location: page })
    const { code, err } = await run(...from, '--once', '--to', `zipkin=${url}`)
    assert.equal(code, 1)
    assert.match(err, /answered 302: \d spans? (is|are) lost; give the address that takes spans itself\n/)
    assert.match(err, /; sent 0 spans, 3 rejected\n$/)
  })

  it('ends soon on SIGTERM while more waits for the server than is held, with the counts and exit code 1', async (t) => {
    // More than the forwarder holds, so that the reader waits for room.
    const one = (i: number) => span(i, 9, 'shop', 'large', 0, 1, { tags: { text: 'x'.repeat(900_000) } })
    const large = await startLocalKinesis({ streams: { large: 1 }, limits: false })
    t.after(() => large.close())
    for (let i = 1; i <= 24; i++) await put(Buffer.from(JSON.stringify([one(i)])), 'a', large, 'large')
    const url = await answering(t, 503)
    const args = ['collect', '--endpoint', large.endpoint, '--stream', 'large', '--from', 'trim-horizon']
    const child = start(...args, '--to', `zipkin=${url}`)
    const ended = end(child)
    await once(child.stderr, 'data')
    child.kill('SIGTERM')
    const { code, err } = await ended
    assert.equal(code, 1, err)
    const [, taken] = /(\d+) records, \1 spans; dropped 0 records, 0 spans; sent 0 spans, .*unsent\n$/.exec(
      err,
    )!
    assert.ok(err.endsWith(`, ${taken} unsent\n`), err)
  })

  it('lets nothing that it was sent command the terminal', async (t) => {
    const escape = '\x1b]0;owned\x07\x1b[2J\u009b31m\u202e'
    const answers = JSON.stringify({ __type: 'AccessDeniedException', message: `no ${escape}` })
    const url = await answering(t, 400, { 'content-type': 'application/x-amz-json-1.1' }, answers)
    const refused = await run('collect', '--endpoint', url, '--stream', 'spans', '--no-wait')
    assert.equal(refused.code, 1)
    assert.match(refused.err, /AccessDenied/)

    const bad = await startLocalKinesis({ streams: { bad: 1 } })
    t.after(() => bad.close())
    await put(Buffer.from(`[{"traceId":"${escape}"`), 'a', bad, 'bad')
    const named = span(1, undefined, escape, escape, 0, 1, { tags: { error: escape } })
    await put(Buffer.from(JSON.stringify([named])), 'a', bad, 'bad')
    const shown = await run('collect', '--endpoint', bad.endpoint, '--stream', 'bad', '--once')
    assert.match(shown.err, /dropped a record/)
    for (const text of [refused.err, shown.err, shown.out])
      assert.doesNotMatch(text, /[^\P{Cc}\n]|\p{Cf}/u, JSON.stringify(text))
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`shows a trace when it is complete, and ends with the counts on ${signal}`, async () => {
      const child = start(...from, '--from', 'trim-horizon', '--settle', '50')
      const ended = end(child)
      await once(child.stdout, 'data')
      child.kill(signal)
      const { code, err } = await ended
      assert.equal(code, 0)
      assert.match(err, /; 1 trace\n$/)
    })
  }

  it('says that it waits for a stream, or fails when it is not to', async () => {
    const missing = ['collect', '--endpoint', kinesis.endpoint, '--stream', 'none']
    const line = `tdist-server: there is no stream none at ${kinesis.endpoint}`
    const child = start(...missing)
    const ended = end(child)
    const [said] = (await once(child.stderr, 'data')) as [Buffer]
    assert.equal(String(said), `${line}; waiting for it\n`)
    child.kill('SIGINT')
    assert.equal((await ended).code, 0)
    assert.deepEqual(await run(...missing, '--no-wait'), { code: 1, out: '', err: `${line}\n` })
  })

  it('says in one line what the SDK lacks', async () => {
    const { code, err } = await run('collect', '--stream', 'spans')
    assert.equal(code, 1)
    assert.match(
      err,
      /^tdist-server: cannot read stream spans: Region is missing; give the region, or set AWS_REGION\n$/,
    )
  })
})
