import assert from 'node:assert/strict'
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ZipkinSpan } from 'tdist'
import { startSpanSink } from '../../support/span-sink.js'
import { collector } from '../support.js'

const TRACED = ['--import', createRequire(import.meta.url).resolve('tdist/register')]

interface Ended {
  readonly spans: readonly ZipkinSpan[]
  /** Everything that must be as it is without tracing. */
  readonly seen: unknown
}

describe('a cluster of two workers', () => {
  for (const end of ['SIGTERM', 'disconnect', 'nothing left to do']) {
    test(`${end}: the spans of both arrive, and the rest is as it is untraced`, async (t) => {
      const traced = await cluster(t, TRACED, end)
      const untraced = await cluster(t, [], end)
      assert.deepEqual(traced.seen, untraced.seen)
      assert.equal(untraced.spans.length, 0)
      assert.deepEqual(
        traced.spans.map(({ kind, name }) => `${kind} ${name}`),
        ['SERVER GET', 'SERVER GET', 'SERVER GET', 'SERVER GET'],
      )
    })
  }

  test('the primary is gone: workers exit at once, as untraced, and say what is lost', async (t) => {
    // It never answers, so that nothing is sent before.
    const sink = await collector(() => {})
    t.after(() => sink.close())
    const app = start(t, 'cluster-app.mjs', [], TRACED, sink.url)
    const stderr = text(app.stderr!)
    await askBoth(await portsOf(app))
    app.kill('SIGKILL')
    assert.equal(await stderr, 'tdist: 2 spans were not sent before the process ended\n'.repeat(2))
  })
})

describe('child_process.fork', () => {
  for (const end of ['disconnect', 'SIGTERM']) {
    test(`${end}: the spans of parent and child arrive, and the rest is as it is untraced`, async (t) => {
      const traced = await forked(t, TRACED, end)
      const untraced = await forked(t, [], end)
      assert.deepEqual(traced.seen, untraced.seen)
      assert.equal(untraced.spans.length, 0)
      const [client, server] = traced.spans.toSorted((a, b) => a.kind!.localeCompare(b.kind!))
      assert.equal(traced.spans.length, 2)
      assert.deepEqual([client!.kind, server!.kind], ['CLIENT', 'SERVER'])
      assert.deepEqual([client!.traceId, client!.id], [server!.traceId, server!.id])
    })
  }
})

async function cluster(t: TestContext, flags: string[], end: string): Promise<Ended> {
  const sink = await startSpanSink()
  t.after(() => sink.close())
  const app = start(t, 'cluster-app.mjs', [], flags, sink.url)
  const stderr = text(app.stderr!)
  const ports = await portsOf(app)
  await askBoth(ports)
  const closed = once(app, 'close')
  app.send(end)
  const [{ exits }] = (await once(app, 'message')) as [{ exits: unknown }]
  const ended = await closed
  const seen = { onePort: ports[0] === ports[1], exits, ended, stderr: await stderr }
  return { spans: sink.spans, seen }
}

async function forked(t: TestContext, flags: string[], end: string): Promise<Ended> {
  const sink = await startSpanSink()
  t.after(() => sink.close())
  const app = start(t, 'fork-app.mjs', [end], flags, sink.url)
  const [stdout, stderr, ended] = await Promise.all([
    text(app.stdout!),
    text(app.stderr!),
    once(app, 'close'),
  ])
  return { spans: sink.spans, seen: { stdout, stderr, ended } }
}

function start(t: TestContext, file: string, args: string[], flags: string[], sink: string): ChildProcess {
  const path = fileURLToPath(new URL(`../../../../test/publisher/worker/${file}`, import.meta.url))
  const env = { ...process.env, NODE_OPTIONS: '', TDIST_SERVICE_NAME: 'app', TDIST_ZIPKIN_URL: sink }
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc']
  const child = spawn(process.execPath, [...flags, path, ...args], { env, stdio })
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function portsOf(app: ChildProcess): Promise<readonly number[]> {
  const [{ ports }] = (await once(app, 'message')) as [{ ports: number[] }]
  return ports
}

/** Four requests; a cluster gives its workers connections in turn, so each answers two. */
async function askBoth([port]: readonly number[]): Promise<void> {
  const pids: string[] = []
  for (let i = 0; i < 4; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })
    pids.push(await answer.text())
  }
  assert.equal(new Set(pids).size, 2)
  assert.equal(pids.filter((pid) => pid === pids[0]).length, 2)
}
