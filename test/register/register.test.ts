import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions } from 'esbuild'
import type { ZipkinSpan } from 'tdist'
import webpack from 'webpack'
import { ownTags } from '../support/own-tags.ts'
import { startSpanSink } from '../support/span-sink.ts'

const source = fileURLToPath(new URL('../../../test/register/app.mjs', import.meta.url))
const folder = fileURLToPath(new URL('../../register-apps/', import.meta.url))
const register = createRequire(import.meta.url).resolve('tdist/register')

const apps = [
  { name: 'ESM', file: source },
  { name: 'CommonJS', file: `${folder}plain.cjs` },
  { name: 'esbuild bundle, CommonJS', file: `${folder}esbuild.cjs` },
  { name: 'esbuild bundle, ESM', file: `${folder}esbuild.mjs` },
  { name: 'webpack bundle', file: `${folder}webpack.cjs` },
]

describe('tdist/register', () => {
  before(async () => {
    mkdirSync(folder, { recursive: true })
    const node: BuildOptions = { platform: 'node', entryPoints: [source], logLevel: 'error' }
    const banner = {
      js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)`,
    }
    await build({ ...node, format: 'cjs', outfile: `${folder}plain.cjs` })
    await build({ ...node, bundle: true, format: 'cjs', outfile: `${folder}esbuild.cjs` })
    await build({ ...node, bundle: true, format: 'esm', outfile: `${folder}esbuild.mjs`, banner })
    await packed(source, 'webpack.cjs')
  })

  let reference: unknown
  for (const app of apps) {
    for (const flag of ['--import', '--require']) {
      it(`${flag} traces an app that is ${app.name}: the same spans and names, and no warning`, async () => {
        const run = await serve(app.file, [flag, register])
        assert.equal(run.stderr, '')
        assert.deepEqual(run.answers, untraced.answers)
        const shapes = shapesOf(run.spans)
        reference ??= shapes
        assert.deepEqual(shapes, reference)
      })
    }
  }

  it('the trace is whole: one root, client and server halves joined', async () => {
    const run = await serve(source, ['--import', register])
    const trace = run.spans.filter((span) => span.traceId === run.spans.find(isItems)!.traceId)
    assert.equal(trace.length, 9)
    const roots = trace.filter((span) => span.parentId === undefined)
    assert.deepEqual(
      roots.map((span) => span.name),
      ['GET /items/:id'],
    )
    for (const span of trace) {
      if (span.kind !== 'SERVER' || span.parentId === undefined) continue
      assert.equal(span.shared, true)
      assert.equal(trace.filter(({ id, kind }) => id === span.id && kind === 'CLIENT').length, 1)
    }
  })

  it('NODE_OPTIONS does as well', async () => {
    const run = await serve(source, [], { NODE_OPTIONS: `--import ${register}` })
    assert.deepEqual(shapesOf(run.spans), reference)
  })

  it('--import and --require together trace once', async () => {
    const run = await serve(source, ['--import', register, '--require', register])
    assert.deepEqual(shapesOf(run.spans), reference)
  })

  it('the service is named after its package when no name is given', async () => {
    const run = await serve(source, ['--import', register], { TDIST_SERVICE_NAME: undefined })
    assert.equal(run.spans[0]!.localEndpoint!.serviceName, 'tdist')
  })

  it('TDIST_DISABLED patches nothing', async () => {
    const script = `
      import http from 'node:http'
      import { AsyncLocalStorage } from 'node:async_hooks'
      import { channel } from 'node:diagnostics_channel'
      const own = [Object.hasOwn(http.Server.prototype, 'emit'), Object.hasOwn(http.IncomingMessage.prototype, 'on')]
      console.log(own.join(), channel('undici:request:create').hasSubscribers, Symbol.for('tdist') in AsyncLocalStorage)`
    const env = { ...process.env, TDIST_DISABLED: '1' }
    const child = spawn(process.execPath, ['--import', register, '--input-type=module', '-e', script], {
      env,
    })
    child.stdout.setEncoding('utf8')
    const [line] = (await once(child.stdout, 'data')) as [string]
    assert.equal(line, 'false,false false false\n')
  })

  const mistakes = [
    [
      { TDIST_SENDER: 'carrier-pigeon' },
      'TDIST_SENDER is carrier-pigeon; use one of kinesis, http, kafka, console, none',
    ],
    [
      { TDIST_SENDER: 'kafka' },
      'TDIST_SENDER is kafka; name the brokers in TDIST_KAFKA_BROKERS as host:port, comma separated',
    ],
    [
      { TDIST_KAFKA_BROKERS: 'one:9092,two' },
      'TDIST_KAFKA_BROKERS is one:9092,two; name the brokers in TDIST_KAFKA_BROKERS as host:port, comma separated',
    ],
    [{ TDIST_SENDER: 'kinesis' }, 'TDIST_SENDER is kinesis; name the stream in TDIST_KINESIS_STREAM'],
    [{ TDIST_SAMPLE_RATE: '2' }, 'TDIST_SAMPLE_RATE is 2; give a share of traces from 0 to 1'],
    [
      { TDIST_SAMPLE_PER_SECOND: 'few' },
      'TDIST_SAMPLE_PER_SECOND is few; give a number of traces, 0 or more',
    ],
    [
      { TDIST_PROPAGATION: 'b3,smoke' },
      'TDIST_PROPAGATION is b3,smoke; use one or more of b3, b3-single, w3c',
    ],
    [
      { TDIST_ZIPKIN_URL: 'zipkin:9411' },
      'TDIST_ZIPKIN_URL is zipkin:9411; give a URL as http://127.0.0.1:9411/api/v2/spans',
    ],
    [
      { TDIST_KINESIS_STREAM: 's', TDIST_KINESIS_ENDPOINT: 'localhost:4567' },
      'TDIST_KINESIS_ENDPOINT is localhost:4567; give a URL as http://127.0.0.1:4567',
    ],
    [
      { TDIST_SAMPLE_PER_SECOND: 'Infinity' },
      'TDIST_SAMPLE_PER_SECOND is Infinity; give a number of traces, 0 or more',
    ],
    [
      { TDIST_SAMPLE_RATE: '1', TDIST_SAMPLE_PER_SECOND: '1' },
      'TDIST_SAMPLE_RATE and TDIST_SAMPLE_PER_SECOND are both set; set one',
    ],
    [
      { TDIST_TAGS: 'region=eu-1,web' },
      'TDIST_TAGS has web; give key=value, comma separated, a comma in a value as %2C',
    ],
    [
      { TDIST_TAGS: '=eu-1' },
      'TDIST_TAGS has =eu-1; give key=value, comma separated, a comma in a value as %2C',
    ],
    [{ TDIST_TAGS: 'load=50%' }, 'TDIST_TAGS has 50%; give % as %25, a comma as %2C'],
    [{ TDIST_TAGS: 'api%5Fkey=s3cr3t' }, 'TDIST_TAGS has api_key, which looks like a secret; leave it out'],
    [
      { TDIST_THRIFT_PROPAGATION: 'suffix' },
      'TDIST_THRIFT_PROPAGATION is suffix; use one of field, prefix, auto, off',
    ],
    [{ TDIST_KAFKA_CARRIER: 'header' }, 'TDIST_KAFKA_CARRIER is header; use one of headers, payload'],
    [{ TDIST_SERVICE_NAME: ' ' }, 'TDIST_SERVICE_NAME is empty; give the name of this service'],
  ] as const
  for (const [env, message] of mistakes) {
    it(`${JSON.stringify(env)}: one line, and the service answers as it does untraced`, async () => {
      const run = await serve(source, ['--import', register], env)
      assert.equal(run.stderr, `tdist: tracing is off: ${message}\n`)
      assert.deepEqual(run.answers, untraced.answers)
      assert.deepEqual(run.spans, [])
    })
  }

  let untraced: Run
  before(async () => {
    untraced = await serve(source, [])
    assert.equal(untraced.answers.length, 3)
  })
})

interface Run {
  readonly spans: ZipkinSpan[]
  readonly answers: readonly unknown[]
  readonly stderr: string
}

/** Runs an app, asks it for a few things, ends it by SIGTERM; returns what it answered and the spans it sent. */
async function serve(
  file: string,
  flags: string[],
  env: Record<string, string | undefined> = {},
): Promise<Run> {
  const sink = await startSpanSink()
  const child = spawn(process.execPath, [...flags, file], {
    env: { ...process.env, NODE_OPTIONS: '', TDIST_SERVICE_NAME: 'app', TDIST_ZIPKIN_URL: sink.url, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [port] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string]
  const answers: unknown[] = []
  for (const path of ['/items/7', '/broken/7', '/nowhere']) {
    const answer = await fetch(`http://127.0.0.1:${port.trim()}${path}`, { headers: { connection: 'close' } })
    answers.push([answer.status, await answer.text()])
  }
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  await closed
  await sink.close()
  return { spans: sink.spans, answers, stderr }
}

/** What of the spans must be the same in every form of the app: all but IDs, times and ports. */
function shapesOf(spans: readonly ZipkinSpan[]): unknown {
  const shapes = spans.map((span) => ({
    kind: span.kind,
    name: span.name,
    tags: ownTags(span),
    shared: span.shared,
    root: span.parentId === undefined,
    service: span.localEndpoint!.serviceName,
    remote: span.remoteEndpoint?.ipv4,
  }))
  return shapes.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))
}

function isItems(span: ZipkinSpan): boolean {
  return span.name === 'GET /items/:id'
}

async function packed(entry: string, filename: string): Promise<void> {
  const stats = await new Promise<webpack.Stats>((resolve, reject) => {
    const options = {
      entry,
      target: 'node20',
      mode: 'production',
      output: { path: folder, filename },
    } as const
    webpack(options, (error, result) => (error ? reject(error) : resolve(result!)))
  })
  assert.deepEqual(stats.toJson({ errors: true }).errors, [])
}
