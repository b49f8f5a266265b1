import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cached } from '../support/java-server.ts'
import { createTopic, readTopic, startKafkaBroker } from '../support/kafka-broker.ts'
import { assertChain } from '../support/span-chain.ts'
import { startSpanSink } from '../support/span-sink.ts'

const run = promisify(execFile)
const APP = fileURLToPath(new URL('../../../test/interop/nestjs/app.mjs', import.meta.url))
const REGISTER = createRequire(import.meta.url).resolve('tdist/register')
const PACKAGES = [
  '@nestjs/common@11.1.6',
  '@nestjs/core@11.1.6',
  '@nestjs/microservices@11.1.6',
  'reflect-metadata@0.2.2',
  'rxjs@7.8.2',
  'kafkajs@2.2.4',
]

describe('tdist/register with a NestJS microservice', async () => {
  const broker = await startKafkaBroker()
  if (typeof broker === 'string') {
    it('traces it', { skip: process.env['CI'] ? false : broker }, () => assert.fail(broker))
    return
  }
  after(() => broker.stop())
  const { brokers } = broker

  it('is one trace through both topics, and does what it does untraced', async () => {
    const folder = await cached(
      'nestjs/11.1.6',
      async (into) => {
        writeFileSync(`${into}/package.json`, '{ "private": true }')
        const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES]
        await run('npm', args, { cwd: into })
      },
      ['npm'],
    )
    const start = async (name: string, flags: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const topics = [`nest-${name}-${process.pid}`, `nest-${name}-forwarded-${process.pid}`]
      for (const topic of topics) await createTopic(brokers, topic)
      const said = await run(process.execPath, [...flags, APP, folder, brokers.join(','), ...topics], {
        env: {
          ...process.env,
          NODE_OPTIONS: '',
          NODE_NO_WARNINGS: '1',
          TDIST_SERVICE_NAME: 'nest',
          ...env,
        },
        timeout: 120_000,
      })
      return { said, topics }
    }

    const untraced = await start('untraced', [])
    assert.deepEqual(untraced.said, { stdout: 'hello, forwarded\n', stderr: '' })
    const sink = await startSpanSink()
    const traced = await start('traced', ['--import', REGISTER], { TDIST_ZIPKIN_URL: sink.url })
    await sink.close()
    assert.deepEqual(traced.said, untraced.said)
    assert.equal(new Set(sink.spans.map(({ traceId }) => traceId)).size, 1)
    assertChain(sink.spans, ['send', 'receive', 'process', 'send', 'receive', 'process'])
    const [sent] = await readTopic(brokers, traced.topics[1]!)
    assert.equal(String(sent!.headers!['b3']).split('-')[0], sink.spans[0]!.traceId)
    assert.equal(String(sent!.value), 'hello, forwarded')
  })
})
