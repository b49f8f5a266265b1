import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ZipkinSpan } from 'tdist'
import { startKafkaBroker } from './support/kafka-broker.ts'
import { ownTags } from './support/own-tags.ts'
import { startProgram } from './support/program.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
  scripts: Record<string, string>
}

interface Run {
  readonly out: string
  readonly spans: ZipkinSpan[]
}

/** What each example is to print besides its spans, and its spans. */
const EXAMPLES: Record<string, (run: Run) => void> = {
  'express-axios.mjs'({ out, spans }) {
    assert.equal(out, "{ id: '7', label: '9.90 €' }\n")
    assert.deepEqual(spans.map(shape).sort(), [
      'prices SERVER GET /prices/:sku',
      'shop CLIENT GET',
      'shop SERVER GET /products/:id',
      'shop local label',
    ])
    isOneTrace(spans)
  },
  'undici.mjs'({ out, spans }) {
    assert.equal(out, '3 left\n')
    assert.deepEqual(
      spans.map((span) => [shape(span), span.tags?.['error'], span.annotations?.[0]?.value]),
      [
        ['shop CLIENT GET', '503', undefined],
        ['shop CLIENT GET', undefined, 'response abandoned'],
        ['shop local look up', undefined, undefined],
      ],
    )
    isOneTrace(spans)
  },
  'drop-in.mjs'({ out, spans }) {
    assert.equal(out.match(/\{ sku: 'sku-7', left: 3 \}/g)?.length, 3)
    assert.deepEqual(spans.map(shape).sort(), [
      ...Array<string>(4).fill('shop CLIENT GET'),
      'shop SERVER GET /products/:id',
      ...Array<string>(3).fill('shop SERVER GET /stock/:sku'),
    ])
    isOneTrace(spans)
  },
  'thrift.mjs'({ out, spans }) {
    assert.equal(out, '9.90 €\n')
    assert.deepEqual(spans.map(shape).sort(), [
      'prices SERVER Prices.cents',
      'shop CLIENT Prices.cents',
      'shop local label',
    ])
    isOneTrace(spans)
  },
  'kinesis.mjs'({ out }) {
    assert.match(out, /^3 of 3 spans sent\ntrace [0-9a-f]{32} · .* · 1 service · 3 spans\n/)
    assert.match(out, /^album upload .*\n├─ resize .*\n└─ store .*\n/m)
  },
  'lambda.mjs'({ out, spans }) {
    assert.equal(out, "{ key: 'small/cat.png' }\nrefused: notes.txt is no picture\n")
    assert.deepEqual(spans.map(ownTags), [
      { key: 'cat.png', bytes: '4096' },
      { key: 'notes.txt', error: 'notes.txt is no picture' },
    ])
  },
}

/** These are run over one broker, the first two for one trace. */
const KAFKA = ['kafka-producer.mjs', 'kafka-consumer.mjs', 'kafka-serializers.mjs']

describe('examples', () => {
  it('are all run here', () => {
    const files = readdirSync(`${ROOT}examples`).filter((file) => file.endsWith('.mjs'))
    assert.deepEqual(files.sort(), [...Object.keys(EXAMPLES), ...KAFKA].sort())
  })

  for (const [file, check] of Object.entries(EXAMPLES)) {
    it(`${file} runs as it says at its top`, async (t) => check(await run(t, file)))
  }

  it('of Kafka run as they say at their top', async (t) => {
    const broker = await startKafkaBroker()
    if (typeof broker === 'string') {
      assert.notEqual(process.env['CI'], 'true', broker)
      return t.skip(broker)
    }
    t.after(() => broker.stop())
    const runs = []
    for (const file of KAFKA) runs.push(await run(t, file, broker.brokers.join()))
    assert.deepEqual(
      runs.map(({ out }) => out),
      ['', 'order {"sku":"sku-7"}\n', 'bill sku-6\nbill sku-7\nwithdrawn\n'],
    )
    const serialized = runs.pop()!.spans
    assert.deepEqual(serialized.map(shape), [
      'shop local checkout',
      'billing CONSUMER receive',
      'billing local bill',
    ])
    isOneTrace(serialized)
    const spans = runs.flatMap((one) => one.spans)
    assert.equal(spans.length, 4)
    isOneTrace(spans)
  })
})

/** Runs what the comment at the top of the example says, but for the installing and building. */
async function run(t: TestContext, file: string, brokers = ''): Promise<Run> {
  const source = readFileSync(`${ROOT}examples/${file}`, 'utf8')
  assert.ok(source.split('\n').length <= 60, `${file} is small`)
  const commands = [...source.matchAll(/^\/\/ {3}(.*)$/gm)].map(([, command]) => command!).join('\n')
  const [, command] = /^npm ci && npm run build(?:\n| && )(.*)$/.exec(commands)!
  assert.ok(scripts['build'])
  const program = startProgram(t, ROOT, ['bash', '-c', command!.replace(/(?<=KAFKA_BROKERS=)\S+/, brokers)])
  assert.equal(await program.ended, 0, program.said.err)
  const lines = program.said.out.split(/(?<=\n)/)
  const isSpan = (line: string): boolean => line.startsWith('{"traceId"')
  return {
    out: lines.filter((line) => !isSpan(line)).join(''),
    spans: lines.filter(isSpan).map((line) => JSON.parse(line) as ZipkinSpan),
  }
}

/** One root, and every other span below one that is there. */
function isOneTrace(spans: readonly ZipkinSpan[]): void {
  const ids = new Set(spans.map(({ id }) => id))
  const roots = new Set(spans.filter(({ parentId }) => parentId === undefined).map(({ id }) => id))
  assert.equal(roots.size, 1)
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
  for (const { parentId } of spans) assert.ok(parentId === undefined || ids.has(parentId))
}

function shape({ kind, name, localEndpoint }: ZipkinSpan): string {
  return `${localEndpoint?.serviceName} ${kind ?? 'local'} ${name}`
}
