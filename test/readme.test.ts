import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { before, describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ZipkinSpan } from 'tdist'
import { startLocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import { answeringServer } from './support/answering-server.ts'
import { createTopic, startKafkaBroker } from './support/kafka-broker.ts'
import { freePorts } from './support/free-ports.ts'
import { ownTags } from './support/own-tags.ts'
import { getFrom, startProgram, type Program } from './support/program.ts'
import { startSpanSink } from './support/span-sink.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FOLDER = `${ROOT}build/readme/`
const readme = readFileSync(`${ROOT}README.md`, 'utf8')
const AWS = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }

interface Block {
  readonly language: string
  /** From the block's first line, or from a comment above it. */
  readonly file: string
  readonly text: string
}

const blocks: Block[] = [
  ...readme.matchAll(/(?:<!-- file: (\S+) -->\n)?```(\w*)\n(?:\/\/ (\S+)\n)?([^]*?)```\n/g),
].map(([, above, language, first, text]) => ({
  language: language!,
  file: above ?? first ?? '',
  text: text!,
}))

/** What each program of the README is to do, by its file's name. */
const PROGRAMS: Record<string, (t: TestContext) => Promise<void>> = {
  // Imported by the others.
  'tracing.mjs': async () => {},
  'app.mjs': async (t) => {
    await serves(t, ['node', '--import', 'tdist/register', 'app.mjs'], { TDIST_SERVICE_NAME: 'shop' })
  },
  async 'drop-in.sh'(t) {
    const PORT = String(await freePorts(1))
    const program = startProgram(t, FOLDER, ['bash', 'drop-in.sh'], { PORT })
    await getFrom(program, `http://127.0.0.1:${PORT}/hello/ann?secret=1`)
    await program.until(/^\{.*\}\n/m)
    assert.deepEqual(
      masked(JSON.parse(program.said.out) as ZipkinSpan),
      masked(JSON.parse(text('span.json')) as ZipkinSpan),
    )
  },
  async 'node-options.sh'(t) {
    const { program, sink } = await traced(
      t,
      ['bash', '-e', '../node-options.sh'],
      {},
      aService('a service #1'),
    )
    assert.equal(await program.ended, 0, program.said.err)
    assert.equal(program.said.err, '')
    assert.deepEqual(sink.spans.map(shape), ['cart local started'])
  },
  async 'doctor.sh'(t) {
    const program = startProgram(t, FOLDER, ['bash', '-e', 'doctor.sh'])
    assert.equal(await program.ended, 0, program.said.err)
    assert.match(program.said.out, /^tdist \S+ is installed in /)
    assert.match(program.said.out, /^ {2}express +5\./m)
    assert.match(program.said.out, /^ {2}node --import /m)
  },
  'shop.mjs': async (t) => serves(t, ['node', 'shop.mjs']),
  'axios.mjs': async (t) => calls(t, 'axios.mjs'),
  'undici.mjs': async (t) => calls(t, 'undici.mjs'),
  'fetch.mjs': async (t) => calls(t, 'fetch.mjs'),
  async 'http.mjs'(t) {
    const { url, requests } = await startCatalog(t)
    const PORT = String(await freePorts(1))
    const { program, sink } = await traced(t, ['node', 'http.mjs'], { PORT, CATALOG_URL: url })
    assert.equal(await getFrom(program, `http://127.0.0.1:${PORT}/`), ITEM)
    program.kill('SIGTERM')
    await sink.arrival(2)
    assert.deepEqual(sink.spans.map(shape).sort(), ['shop CLIENT GET', 'shop SERVER GET'])
    const server = sink.spans.find(({ kind }) => kind === 'SERVER')!
    assert.equal(requests[0]!.headers['x-b3-parentspanid'], server.id)
  },
  async 'thrift.mjs'(t) {
    cpSync(`${ROOT}examples/thrift`, `${FOLDER}gen-nodejs`, { recursive: true })
    const PORT = String(await freePorts(1))
    const { program, sink } = await traced(t, ['node', 'thrift.mjs'], { PORT })
    assert.equal(await program.ended, 0, program.said.err)
    assert.equal(program.said.out, '990\n')
    assert.deepEqual(sink.spans.map(shape).sort(), ['shop CLIENT Prices.cents', 'shop SERVER Prices.cents'])
    assert.equal(new Set(sink.spans.map(({ id }) => id)).size, 1)
  },
  async 'kafka.mjs'(t) {
    const broker = await startKafkaBroker()
    if (typeof broker === 'string') {
      assert.ok(!process.env['CI'], broker)
      return t.skip(broker)
    }
    t.after(() => broker.stop())
    await createTopic(broker.brokers, 'orders')
    const env = { KAFKA_BROKER: broker.brokers[0]!, KAFKAJS_NO_PARTITIONER_WARNING: '1' }
    const { program, sink } = await traced(t, ['node', 'kafka.mjs'], env)
    assert.equal(await program.ended, 0, program.said.err)
    assert.match(program.said.out, /^bill order 7$/m)
    const names = ['shop CONSUMER receive', 'shop PRODUCER send', 'shop local checkout', 'shop local process']
    assert.deepEqual(sink.spans.map(shape).sort(), names)
    assert.equal(new Set(sink.spans.map(({ traceId }) => traceId)).size, 1)
  },
  async 'serializers.mjs'(t) {
    const { program, sink } = await traced(t, ['node', 'serializers.mjs'])
    assert.equal(await program.ended, 0, program.said.err)
    assert.equal(program.said.out, 'bill sku-7\nnull untraced\n')
    const names = ['shop CONSUMER receive', 'shop local bill', 'shop local checkout']
    assert.deepEqual(sink.spans.map(shape).sort(), names)
    assert.equal(new Set(sink.spans.map(({ traceId }) => traceId)).size, 1)
  },
  async 'local.mjs'(t) {
    const { program, sink } = await traced(t, ['node', 'local.mjs'])
    assert.equal(await program.ended, 0, program.said.err)
    const [resize, upload] = sink.spans
    assert.deepEqual(sink.spans.map(shape), ['shop local resize', 'shop local upload'])
    assert.deepEqual({ ...resize!.tags }, { 'image.bytes': '5000' })
    assert.equal(resize!.parentId, upload!.id)
    assert.deepEqual(
      upload!.annotations!.map(({ value }) => value),
      ['received'],
    )
  },
  async 'cart.ts'(t) {
    for (const experimentalDecorators of [false, true]) {
      const compilerOptions = {
        module: 'nodenext',
        types: ['node'],
        target: 'es2022',
        strict: true,
        outDir: 'out',
        experimentalDecorators,
      }
      writeFileSync(`${FOLDER}tsconfig.json`, JSON.stringify({ compilerOptions, files: ['cart.ts'] }))
      const compiler = startProgram(t, FOLDER, ['node', `${ROOT}node_modules/typescript/bin/tsc`])
      assert.equal(await compiler.ended, 0, compiler.said.out)
      const { program, sink } = await traced(t, ['node', 'out/cart.js'])
      assert.equal(await program.ended, 0, program.said.err)
      assert.equal(program.said.out, '7\n')
      assert.deepEqual(sink.spans.map(shape), ['shop local total'])
    }
  },
  async 'log.mjs'(t) {
    const { program, sink } = await traced(t, ['node', 'log.mjs'])
    assert.equal(await program.ended, 0, program.said.err)
    assert.deepEqual(sink.spans.map(shape), ['shop local checkout'])
    const [{ traceId, id }] = sink.spans as [ZipkinSpan]
    const printed = text('log.txt').replace(/"traceId":"[^"]+"/, `"traceId":"${traceId}"`)
    assert.equal(program.said.out, printed.replace(/"spanId":"[^"]+"/, `"spanId":"${id}"`))
  },
  async 'cls.mjs'(t) {
    const program = startProgram(t, FOLDER, ['node', 'cls.mjs'])
    assert.deepEqual([await program.ended, program.said], [0, { out: 'Hello, ann\nHello, bob\n', err: '' }])
  },
  async 'sampling.mjs'(t) {
    const { program, sink } = await traced(t, ['node', 'with-sampling.mjs'])
    assert.equal(await program.ended, 0, program.said.err)
    const names = sink.spans.map(({ name, tags }) => tags?.['http.path'] ?? name)
    assert.deepEqual(
      names.filter((name) => name !== 'local'),
      ['/hello'],
    )
    assert.ok(names.length < 900, `${names.length} of 1000 traces were recorded`)
  },
  async 'propagation.mjs'(t) {
    const { url, requests } = await startCatalog(t)
    const { program } = await traced(t, ['node', 'with-propagation.mjs'], { CATALOG_URL: url })
    assert.equal(await program.ended, 0, program.said.err)
    const { headers } = requests[0]!
    assert.equal(
      headers['traceparent'],
      `00-${String(headers['x-b3-traceid'])}-${String(headers['x-b3-spanid'])}-01`,
    )
    assert.equal(headers['x-tenant'], 'knewton')
    assert.equal(program.said.out, 'knewton\n')
  },
  async 'senders.mjs'(t) {
    const kinesis = await startLocalKinesis({ streams: { spans: 1 } })
    t.after(() => kinesis.close())
    const sink = await sinkFor(t)
    const program = startProgram(t, FOLDER, ['node', 'with-senders.mjs'], {
      ...AWS,
      AWS_ENDPOINT_URL_KINESIS: kinesis.endpoint,
      ZIPKIN_URL: sink.url,
    })
    assert.equal(await program.ended, 0, program.said.err)
    assert.equal((JSON.parse(program.said.out) as ZipkinSpan).name, 'console')
    assert.deepEqual(sink.spans.map(shape), ['shop local zipkin'])
    assert.equal(kinesis.records('spans').length, 1)
  },
  async 'lambda.mjs'(t) {
    const { program, sink } = await traced(t, ['node', 'with-lambda.mjs'])
    assert.equal(await program.ended, 0, program.said.err)
    assert.equal(program.said.out, 'resized cat.png, 1 sent of 1\n')
    assert.deepEqual(sink.spans.map(shape), ['shop local resize'])
  },
  async 'shop.test.mjs'(t) {
    const program = startProgram(t, FOLDER, ['node', '--test', '--test-reporter=tap', 'shop.test.mjs'])
    assert.equal(await program.ended, 0, program.said.out)
    assert.match(program.said.out, /^# pass 1$/m)
  },
  async 'commands.sh'(t) {
    const kinesis = await startLocalKinesis({ streams: { spans: 1 } })
    t.after(() => kinesis.close())
    const sink = await sinkFor(t)
    const env = { ...AWS, AWS_ENDPOINT_URL_KINESIS: kinesis.endpoint, ZIPKIN: new URL(sink.url).origin }
    const put = startProgram(t, FOLDER, ['node', 'with-senders.mjs'], { ...env, ZIPKIN_URL: sink.url })
    assert.equal(await put.ended, 0, put.said.err)
    const program = startProgram(t, FOLDER, ['bash', '-e', 'commands.sh'], env)
    assert.equal(await program.ended, 0, program.said.err)
    const { out, err } = program.said
    assert.equal(out.match(/^trace /gm)?.length, 4, out)
    assert.match(out, /^shop kinesis /m)
    assert.match(err, /; sent 1 span\n$/)
    assert.deepEqual(sink.spans.map(shape).sort(), ['shop local kinesis', 'shop local zipkin'])
    const printed = tracesOf(text('demo.txt'))
    assert.equal(printed.length, 2)
    for (const trace of printed) assert.ok(tracesOf(out).includes(trace), `${trace}\n\nis not in\n\n${out}`)
  },
}

/** What a reader would write to try a file that only exports something. */
const DRIVERS = {
  'with-sampling.mjs': `
    import http from 'node:http'
    import { traceHttpServer } from 'tdist'
    import { tracing } from './sampling.mjs'
    const server = traceHttpServer(tracing, http.createServer((_, response) => response.end()))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    for (const path of ['/hello', '/health']) await (await fetch('http://127.0.0.1:' + server.address().port + path)).text()
    server.close()
    for (let i = 0; i < 1000; i++) tracing.tracer.trace('local', () => {})`,
  'with-propagation.mjs': `
    import http from 'node:http'
    import { traceHttpClient, traceHttpServer } from 'tdist'
    import { tracing } from './propagation.mjs'
    const server = http.createServer((_, response) => {
      console.log(tracing.tracer.currentSpan.baggage('x-tenant'))
      traceHttpClient(tracing, http).get(process.env.CATALOG_URL, (answer) => answer.pipe(response))
    })
    await new Promise((resolve) => traceHttpServer(tracing, server).listen(0, '127.0.0.1', resolve))
    const headers = { 'x-tenant': 'knewton' }
    await (await fetch('http://127.0.0.1:' + server.address().port, { headers })).text()
    server.close()`,
  'with-senders.mjs': `
    import { toConsole, toKinesis, toZipkin } from './senders.mjs'
    for (const [name, { tracer }] of Object.entries({ kinesis: toKinesis, zipkin: toZipkin, console: toConsole }))
      tracer.trace(name, () => {})`,
  'with-lambda.mjs': `
    import { handler } from './lambda.mjs'
    import { tracing } from './tracing.mjs'
    const answer = await handler({ key: 'cat.png' })
    const { sent, offered } = tracing.publisher.stats()
    console.log(answer + ', ' + sent + ' sent of ' + offered)`,
}

describe('the README', () => {
  before(() => {
    rmSync(FOLDER, { recursive: true, force: true })
    mkdirSync(`${FOLDER}node_modules/.bin`, { recursive: true })
    symlinkSync(`${ROOT}server/dist/cli.js`, `${FOLDER}node_modules/.bin/tdist-server`)
    // npm makes what it links executable.
    writeFileSync(
      `${FOLDER}node_modules/.bin/tdist`,
      `#!/usr/bin/env node\nrequire('${ROOT}dist/cli.cjs')\n`,
      {
        mode: 0o755,
      },
    )
    for (const { file, text } of blocks) if (file) writeFileSync(FOLDER + file, text)
    for (const [file, text] of Object.entries(DRIVERS)) writeFileSync(FOLDER + file, text)
  })

  it('has no program that is not run here', () => {
    const programs = blocks.filter(({ language }) => /^(js|ts|sh)$/.test(language))
    assert.deepEqual(programs.map(({ file }) => file).sort(), Object.keys(PROGRAMS).sort())
  })

  for (const [file, run] of Object.entries(PROGRAMS)) it(`${file} does what is said of it`, run)

  it('names no script that package.json has not', () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: object }
    const named = [...readme.matchAll(/npm ci && npm (?:run )?(\w+)/g)].map(([, name]) => name!)
    assert.deepEqual(named, ['demo', 'test'])
    assert.deepEqual(
      named.filter((name) => !(name in scripts)),
      [],
    )
  })

  it('quotes figures with the version of Node and the command', () => {
    const [, figures] = /<!-- bench -->([^]*)<!-- \/bench -->/.exec(readme)!
    assert.match(figures!, /Node \d+\.\d+\.\d+: tdist/)
    assert.match(figures!, /`npm run bench -- /)
  })
})

const ITEM = '{"sku":7}'

function text(file: string): string {
  return blocks.find((block) => block.file === file)!.text
}

/** Runs a server that greets, asks it, and looks at its span. */
async function serves(
  t: TestContext,
  command: [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const PORT = String(await freePorts(1))
  const { program, sink } = await traced(t, command, { ...env, PORT })
  const headers = { b3: '463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1' }
  assert.equal(await getFrom(program, `http://127.0.0.1:${PORT}/hello/ann`, headers), 'Hello, ann')
  program.kill('SIGTERM')
  assert.equal(await program.ended, 'SIGTERM')
  assert.deepEqual(sink.spans.map(shape), ['shop SERVER GET /hello/:name'])
  const [{ traceId, id, shared }] = sink.spans as [ZipkinSpan]
  assert.deepEqual([traceId, id, shared], ['463ac35c9f6413ad48485a3953bb6124', 'a2fb4a1d1a96d312', true])
}

/** Runs a client that asks the catalog for an item and prints it, and looks at its span. */
async function calls(t: TestContext, file: string): Promise<void> {
  const { url, requests } = await startCatalog(t)
  const { program, sink } = await traced(t, ['node', file], { CATALOG_URL: url })
  assert.equal(await program.ended, 0, program.said.err)
  assert.equal(program.said.out, '{ sku: 7 }\n')
  assert.deepEqual(sink.spans.map(shape), ['shop CLIENT GET'])
  assert.deepEqual(ownTags(sink.spans[0]!), { 'http.method': 'GET', 'http.path': '/items/7' })
  assert.equal(requests[0]!.headers['x-b3-spanid'], sink.spans[0]!.id)
}

async function startCatalog(
  t: TestContext,
): Promise<{ url: string; requests: { headers: Record<string, unknown> }[] }> {
  const catalog = await answeringServer()
  t.after(() => catalog.close())
  catalog.enqueue({ headers: { 'content-type': 'application/json' }, body: ITEM })
  return { url: catalog.origin, requests: catalog.requests }
}

async function sinkFor(t: TestContext): ReturnType<typeof startSpanSink> {
  const sink = await startSpanSink()
  t.after(() => sink.close())
  return sink
}

/** The folder of a service that has tdist installed and begins by `npm start`. */
function aService(name: string): string {
  const folder = `${FOLDER}${name}/`
  mkdirSync(`${folder}node_modules`, { recursive: true })
  symlinkSync(ROOT, `${folder}node_modules/tdist`)
  writeFileSync(`${folder}package.json`, JSON.stringify({ name: 'cart', scripts: { start: 'node app.cjs' } }))
  writeFileSync(`${folder}app.cjs`, `require('tdist').currentTracing().tracer.trace('started', () => {})`)
  return folder
}

/** Starts a program that sends its spans to a sink here. */
async function traced(
  t: TestContext,
  command: [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
  folder = FOLDER,
) {
  const sink = await sinkFor(t)
  const program: Program = startProgram(t, folder, command, { TDIST_ZIPKIN_URL: sink.url, ...env })
  return { program, sink }
}

function shape({ kind, name, localEndpoint }: ZipkinSpan): string {
  return `${localEndpoint?.serviceName} ${kind ?? 'local'} ${name}`
}

/** A span without what differs from one request to the next, and from machine to machine. */
function masked({ localEndpoint, remoteEndpoint, ...span }: ZipkinSpan): object {
  const { traceId, id, timestamp, duration } = span
  const kinds = [traceId.length, id.length, typeof timestamp, typeof duration]
  return {
    ...span,
    tags: ownTags(span),
    tagged: Object.keys(span.tags!).sort(),
    traceId: 0,
    id: 0,
    timestamp: 0,
    duration: 0,
    kinds,
    service: localEndpoint?.serviceName,
    from: remoteEndpoint?.ipv4,
  }
}

/** Printed traces without IDs, durations and bars, and without what a narrower terminal leaves out. */
function tracesOf(printed: string): string[] {
  const bare = printed
    .replace(/\b[0-9a-f]{32}\b/g, 'ID')
    .replace(/[\d.]+ (µs|ms|s)\b/g, 'T')
    .replace(/[░█]/g, '')
    .replace(/, one by one/g, '')
    .replace(/ +/g, ' ')
    .replace(/ $/gm, '')
  return bare.trim().split(/\n\n|\n(?=trace )/)
}
