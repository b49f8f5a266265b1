import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import {
  consoleSender,
  createTracing,
  httpSender,
  type Tracing,
  type TracingOptions,
  type ZipkinSpan,
} from 'tdist'
import { createTestTracing } from 'tdist/testing'
import type { ServiceTracing } from '#src/tracing/service-tracing.js'
import { internals } from '../support/internals.ts'
import { startSpanSink } from '../support/span-sink.ts'

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const REMOTE = { context: { traceId: '1'.repeat(16), spanId: '2'.repeat(16), sampled: true }, joinable: true }

describe('a local root says whose it is', () => {
  it('where a trace, a call or a message begins in the process, and nowhere below', async () => {
    const { spans } = await printed({}, ({ tracer, dataManager }) => {
      const server = tracer.fromRemote(REMOTE as never, 'SERVER').name('server')
      dataManager.run(server, () => {
        tracer.trace('local', () => tracer.nextSpan('CLIENT').name('client').finish())
        tracer
          .fromRemote(REMOTE as never, 'CONSUMER')
          .name('consumer')
          .finish()
      })
      server.finish()
      // Its parent has ended, and was here nevertheless.
      tracer.newChild(server, undefined).name('late').finish()
      tracer.trace('root', () => {})
    })
    const say = spans.filter(({ tags }) => tags?.['host.name'] !== undefined).map(({ name }) => name)
    assert.deepEqual(say, ['consumer', 'server', 'root'])
    for (const { tags } of spans.filter(({ tags: all }) => all?.['host.name'])) {
      assert.equal(tags!['host.name'], hostname())
      assert.equal(tags!['service.version'], version)
      assert.match(tags!['service.instance.id']!, /^[0-9a-f-]{36}$/)
      assert.equal(tags!['deployment.environment'], undefined)
    }
    assert.equal(new Set(spans.map(({ tags }) => tags?.['service.instance.id'])).size, 2)
  })

  it('of all tracings of a process the same instance', async () => {
    const ids = [await printed({}, root), await printed({ serviceName: 'other' }, root)].map(
      ({ spans: [span] }) => span!.tags!['service.instance.id'],
    )
    assert.equal(ids[0], ids[1])
  })

  it('as the options say, and the environment where they do not', async (t) => {
    setEnvironment(t, {
      TDIST_VERSION: '1',
      TDIST_ENVIRONMENT: 'staging',
      TDIST_TAGS: ' region = eu-1 ,path=a%2Cb%3Dc=d, host.name=web-1,service.instance.id=,service.version=0,',
    })
    const byEnvironment = await printed({}, root)
    assert.deepEqual(
      { ...byEnvironment.spans[0]!.tags },
      {
        'service.version': '1',
        'deployment.environment': 'staging',
        'host.name': 'web-1',
        region: 'eu-1',
        path: 'a,b=c=d',
      },
    )
    const options = {
      version: '2',
      environment: 'x'.repeat(9),
      tags: { region: 'us', shard: 7, path: '', 'host.name': 'web-2' },
      maxTagLength: 8,
    }
    const byOptions = await printed(options, root)
    assert.deepEqual(
      { ...byOptions.spans[0]!.tags },
      {
        'service.version': '2',
        'deployment.environment': 'x'.repeat(8),
        'host.name': 'web-2',
        region: 'us',
        shard: '7',
      },
    )
  })

  it('and a tag of its own wins, and stands once', async () => {
    const { text } = await printed({ tags: { region: 'eu' } }, ({ tracer }) =>
      tracer.trace('own', (span) => span.tag('region', 'us').tag('host.name', 'mine')),
    )
    assert.equal(text.match(/"region"/g)!.length, 1)
    assert.match(text, /"region":"us"/)
    assert.match(text, /"host.name":"mine"/)
    assert.match(text, /"service.instance.id"/)
  })

  it('to a span handler among the other tags, which it may change', async () => {
    const seen: (string | undefined)[] = []
    const spanHandler = {
      end({ tags }: ZipkinSpan) {
        seen.push(tags!['host.name'])
        tags!['host.name'] = 'hidden'
      },
    }
    const { text } = await printed({ spanHandler }, root)
    assert.deepEqual(seen, [hostname()])
    assert.match(text, /"host.name":"hidden"/)
  })

  it('in a test only what it was told to', async () => {
    const bare = createTestTracing()
    root(bare.tracing)
    assert.deepEqual({ ...(await bare.take(1))[0]!.tags }, {})
    const told = createTestTracing({ version: '3', tags: { region: 'eu' } })
    root(told.tracing)
    assert.deepEqual({ ...(await told.take(1))[0]!.tags }, { region: 'eu', 'service.version': '3' })
  })

  it('is refused in one line where it is wrong or too much', (t) => {
    const lines: string[] = []
    t.mock.method(process.stderr, 'write', (line: string) => lines.push(line))
    const tags = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`key-${i}`, 'x'.repeat(500)]))
    assert.equal(createTracing({ serviceName: 'shop', sender: consoleSender(), tags }).enabled, false)
    assert.match(
      lines.join(''),
      /^tdist: tracing is off: the service's tags take \d+ characters; give 8192 at most\n$/,
    )
  })

  for (const publisher of [{}, { partition: 'trace' }, { worker: true }] as const) {
    it(`through the publisher, ${JSON.stringify(publisher)}, in records of the usual size`, async (t) => {
      const sink = await startSpanSink()
      t.after(() => sink.close())
      const sender = httpSender({ url: sink.url })
      const tracing = createTracing({
        serviceName: 'shop',
        sender,
        publisher,
        tags: { note: 'n'.repeat(250) },
      })
      for (let i = 0; i < 500; i++) root(tracing)
      await tracing.close(10_000)
      const stats = tracing.publisher.stats()
      assert.equal(stats.sent, 500)
      assert.equal(sink.spans.length, 500)
      assert.ok(sink.spans.every(({ tags }) => tags!['note'] === 'n'.repeat(250)))
    })
  }
})

function root({ tracer }: Tracing): void {
  tracer.trace('root', () => {})
}

/** What is sent of the spans that `work` makes, as text and parsed. */
async function printed(
  options: Partial<TracingOptions>,
  work: (tracing: ServiceTracing) => void,
): Promise<{ text: string; spans: ZipkinSpan[] }> {
  let text = ''
  const sender = consoleSender({ write: (line) => void (text += line) })
  const tracing = createTracing({ serviceName: 'shop', sender, ...options })
  work(internals(tracing))
  await tracing.close()
  assert.deepEqual(tracing.faults, {})
  const spans = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ZipkinSpan)
  return { text, spans }
}

function setEnvironment(t: TestContext, env: Record<string, string>): void {
  Object.assign(process.env, env)
  t.after(() => {
    for (const name of Object.keys(env)) delete process.env[name]
  })
}
