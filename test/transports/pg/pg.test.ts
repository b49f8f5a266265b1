import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import type { ZipkinSpan } from 'tdist'
import { startPostgres } from '../../support/postgres-server.ts'
import { startSpanSink } from '../../support/span-sink.ts'

const source = fileURLToPath(new URL('../../../../test/register/pg-app.mjs', import.meta.url))
const folder = fileURLToPath(new URL('../../../register-apps/', import.meta.url))
const commonJs = `${folder}pg-app.cjs`
const register = createRequire(import.meta.url).resolve('tdist/register')

describe('tdist/register with an app that asks PostgreSQL by pg', async () => {
  const postgres = await startPostgres()
  if (typeof postgres === 'string') {
    it('calls back in the right trace', { skip: process.env['CI'] ? false : postgres }, () =>
      assert.fail(postgres),
    )
    return
  }
  after(() => postgres.stop())
  let plain: string
  before(async () => {
    mkdirSync(folder, { recursive: true })
    await build({
      entryPoints: [source],
      outfile: commonJs,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      packages: 'external',
    })
    plain = await run(source, [])
  })

  const apps: [string, string, string[]][] = [
    ['ESM', source, ['--import', register]],
    ['CommonJS', commonJs, ['--require', register]],
  ]
  for (const [kind, file, preload] of apps) {
    it(`${kind}: it answers as ever, and what is called by a callback is in the caller's trace`, async () => {
      const sink = await startSpanSink()
      try {
        const env = { TDIST_SERVICE_NAME: 'pg-app', TDIST_SENDER: 'http', TDIST_ZIPKIN_URL: sink.url }
        assert.equal(await run(file, preload, env), plain)
        const traces = new Map<string, ZipkinSpan[]>()
        for (const span of sink.spans) traces.set(span.traceId, [...(traces.get(span.traceId) ?? []), span])
        const wrong: string[] = []
        const seen: Record<string, number> = {}
        for (const spans of traces.values()) {
          const shape = shapeOf(spans)
          const [way] = shape.split(' > ') as [string]
          if (shape === EXPECTED[way] || shape === `${way} > /next`) seen[way] = (seen[way] ?? 0) + 1
          else wrong.push(shape)
        }
        assert.deepEqual(wrong, [])
        // What came by itself to listeners that no request had added: a notification, and an idle connection's error.
        assert.equal(seen['/next'], 2)
        assert.equal(seen['/listen'], 1)
        const ways = Object.entries(seen).filter(([way]) => !(way in EXPECTED))
        assert.ok(ways.length > 25, `${ways.length} ways`)
        for (const [way, count] of ways) assert.equal(count, 4, way)
      } finally {
        await sink.close()
      }
    })
  }

  async function run(file: string, preload: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const args = ['--no-deprecation', ...preload, file, (postgres as { url: string }).url]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    })
    assert.equal(stderr, '')
    return stdout
  }
})

/** Of the ways that are not one call, asked for by a request. */
const EXPECTED: Record<string, string> = {
  '/next': '/next',
  // Its answer, and what the listener that it added has heard.
  '/listen': '/listen > /next > /next',
}

/** The calls of a trace in their order, each of them a client's and a server's span. */
function shapeOf(spans: ZipkinSpan[]): string {
  const calls = spans.filter(({ kind }) => kind === 'CLIENT')
  const servers = spans.filter(({ kind }) => kind === 'SERVER')
  const isWhole = calls.every(({ id }) => servers.some((server) => server.id === id))
  const root = calls.find(({ parentId }) => parentId === undefined)
  const rest = calls.filter((call) => call !== root)
  if (!isWhole || root === undefined || rest.some(({ parentId }) => parentId !== root.id)) {
    return `broken: ${calls.map(({ tags }) => tags!['http.path']).join(' ')}`
  }
  return [root, ...rest].map(({ tags }) => decodeURIComponent(tags!['http.path']!)).join(' > ')
}
