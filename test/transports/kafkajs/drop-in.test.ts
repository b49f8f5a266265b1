import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import type { ZipkinSpan } from 'tdist'
import { decodeSpans } from '#src/codec/decode.js'
import { cached } from '../../support/java-server.ts'
import { createTopic, readTopic, startKafkaBroker } from '../../support/kafka-broker.ts'
import { assertChain } from '../../support/span-chain.ts'
import { startSpanSink } from '../../support/span-sink.ts'

const source = fileURLToPath(new URL('../../../../test/register/kafka-app.mjs', import.meta.url))
const nestjs = fileURLToPath(new URL('../../../../test/register/nestjs-app.mjs', import.meta.url))
const NESTJS = [
  '@nestjs/common@11.1.6',
  '@nestjs/core@11.1.6',
  '@nestjs/microservices@11.1.6',
  'reflect-metadata@0.2.2',
  'rxjs@7.8.2',
  'kafkajs@2.2.4',
]
const folder = fileURLToPath(new URL('../../../register-apps/', import.meta.url))
const commonJs = `${folder}kafka-app.cjs`
const register = createRequire(import.meta.url).resolve('tdist/register')

describe('tdist/register with an app that makes its own kafkajs', async () => {
  const broker = await startKafkaBroker()
  if (typeof broker === 'string') {
    it('traces it', { skip: process.env['CI'] ? false : broker }, () => assert.fail(broker))
    return
  }
  after(() => broker.stop())
  const { brokers } = broker
  before(async () => {
    mkdirSync(folder, { recursive: true })
    await build({
      platform: 'node',
      entryPoints: [source],
      format: 'cjs',
      outfile: commonJs,
      logLevel: 'error',
    })
  })

  let topics = 0
  async function newTopic(): Promise<string> {
    const topic = `drop-in-${process.pid}-${++topics}`
    await createTopic(brokers, topic)
    return topic
  }

  /** What the app says, which is all it does. */
  async function run(
    file: string,
    flags: readonly string[],
    topic: string,
    env: NodeJS.ProcessEnv = {},
    more: readonly string[] = [],
  ) {
    const args = [...flags, file, brokers.join(','), topic, ...more]
    // On Node 24 kafkajs makes one of a timer of its own.
    const quiet = { NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' }
    const options = { env: { ...process.env, ...quiet, TDIST_SERVICE_NAME: 'app', ...env } }
    return promisify(execFile)(process.execPath, args, options)
  }

  for (const [name, file] of [
    ['ESM', source],
    ['CommonJS', commonJs],
  ] as const) {
    for (const flag of ['--import', '--require']) {
      it(`${flag} traces one that is ${name}, which does what it does untraced`, async () => {
        const untraced = await run(file, [], await newTopic())
        const sink = await startSpanSink()
        const topic = await newTopic()
        const traced = await run(file, [flag, register], topic, { TDIST_ZIPKIN_URL: sink.url })
        await sink.close()
        assert.deepEqual(traced, untraced)
        assertTraces(sink.spans, topic)
        const sent = await readTopic(brokers, topic)
        assert.deepEqual(
          new Set(sent.map(({ headers }) => String(headers?.['b3']).split('-')[0])),
          new Set(sink.spans.map(({ traceId }) => traceId)),
        )
      })
    }
  }

  it('traces a NestJS microservice, which does what it does untraced', async () => {
    const folder = await cached(
      'nestjs/11.1.6',
      async (into) => {
        writeFileSync(`${into}/package.json`, '{ "private": true }')
        const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...NESTJS]
        await promisify(execFile)('npm', args, { cwd: into })
      },
      ['npm'],
    )
    const untraced = await run(nestjs, [], await newTopic(), {}, [await newTopic(), folder])
    assert.deepEqual(untraced, { stdout: 'hello, forwarded\n', stderr: '' })
    const sink = await startSpanSink()
    const [from, to] = [await newTopic(), await newTopic()]
    const env = { TDIST_ZIPKIN_URL: sink.url }
    assert.deepEqual(await run(nestjs, ['--import', register], from, env, [to, folder]), untraced)
    await sink.close()
    assert.equal(new Set(sink.spans.map(({ traceId }) => traceId)).size, 1)
    assertChain(sink.spans, ['send', 'receive', 'process', 'send', 'receive', 'process'])
    const [sent] = await readTopic(brokers, to)
    assert.equal(String(sent!.headers!['b3']).split('-')[0], sink.spans[0]!.traceId)
    assert.equal(String(sent!.value), 'hello, forwarded')
  })

  it('TDIST_KAFKA_CARRIER=payload puts the trace before the value, and takes it off', async () => {
    const untraced = await run(source, [], await newTopic())
    const sink = await startSpanSink()
    const topic = await newTopic()
    const env = { TDIST_ZIPKIN_URL: sink.url, TDIST_KAFKA_CARRIER: 'payload' }
    assert.deepEqual(await run(source, ['--import', register], topic, env), untraced)
    await sink.close()
    assertTraces(sink.spans, topic)
    for (const { headers, value } of await readTopic(brokers, topic)) {
      assert.deepEqual(Object.keys(headers ?? {}), [])
      assert.equal(Buffer.from(value!).toString('hex', 0, 3), 'c15444')
    }
  })

  it('does not trace its own Kafka sender', async () => {
    const topic = await newTopic()
    await createTopic(brokers, 'zipkin')
    const env = { TDIST_SENDER: 'kafka', TDIST_KAFKA_BROKERS: brokers.join(',') }
    await run(source, ['--import', register], topic, env)
    const published = await readTopic(brokers, 'zipkin')
    assert.ok(published.every(({ headers }) => Object.keys(headers ?? {}).length === 0))
    assertTraces(
      published.flatMap(({ value }) => decodeSpans(value!)),
      topic,
    )
  })

  it('leaves all as it is when tracing is off', async () => {
    const topic = await newTopic()
    await run(source, ['--import', register], topic, { TDIST_DISABLED: '1' })
    const sent = await readTopic(brokers, topic)
    assert.ok(sent.every(({ headers }) => Object.keys(headers ?? {}).length === 0))
  })
})

/** A trace for each of the app's two messages, and nothing else. */
function assertTraces(spans: readonly ZipkinSpan[], topic: string): void {
  const traceIds = new Set(spans.map(({ traceId }) => traceId))
  assert.equal(traceIds.size, 2, spans.map(({ name }) => name).join(', '))
  for (const id of traceIds) {
    const trace = spans.filter(({ traceId }) => traceId === id)
    assertChain(trace, ['send', 'receive', 'process'])
    assert.equal(trace.find(({ kind }) => kind === 'PRODUCER')!.tags!['kafka.topic'], topic)
  }
}
