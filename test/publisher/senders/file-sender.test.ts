import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Outcome } from 'tdist'
import { jsonEncoder } from '#src/codec/json.js'
import { fileSender } from '#src/publisher/senders/file-sender.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import { SendError } from '#src/publisher/senders/sender.js'
import { newSpan } from '../support.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tdist-file-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function linesOf(path: string): unknown[] {
  const text = readFileSync(path, 'utf8')
  assert.ok(text.endsWith('\n'))
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

test('appends a span a line, whatever is in it', async (t) => {
  const path = join(folder(t), 'spans.jsonl')
  const hostile = '},{"traceId":"\n\\},{"traceId":\u2028é'
  const spans = [
    newSpan(1, { name: hostile, tags: { [hostile]: hostile, traceId: '},{' } }),
    newSpan(2, {
      annotations: [
        { timestamp: 1, value: hostile },
        { timestamp: 2, value: '' },
      ],
    }),
    newSpan(3, { localEndpoint: { serviceName: hostile } }),
  ]
  for (const span of spans) {
    const publisher = new ServicePublisher(fileSender({ path }), jsonEncoder)
    publisher.report(span)
    publisher.report(span)
    await publisher.close()
    assert.equal(publisher.stats().sent, 2)
  }
  assert.deepEqual(
    linesOf(path),
    spans.flatMap((span) => [span, span]),
  )
})

test('a file that was moved away is made anew', async (t) => {
  const path = join(folder(t), 'spans.jsonl')
  const publisher = new ServicePublisher(fileSender({ path }), jsonEncoder)
  publisher.report(newSpan(1))
  await publisher.flush()
  renameSync(path, `${path}.1`)
  publisher.report(newSpan(2))
  await publisher.close()
  assert.deepEqual(linesOf(`${path}.1`), [newSpan(1)])
  assert.deepEqual(linesOf(path), [newSpan(2)])
})

test('a folder that comes later is soon enough', async (t) => {
  const path = join(folder(t), 'later', 'spans.jsonl')
  const publisher = new ServicePublisher(fileSender({ path }), jsonEncoder)
  publisher.report(newSpan(1))
  const flushed = publisher.flush()
  await until(() => publisher.stats().failedCalls > 0)
  mkdirSync(join(path, '..'))
  await flushed
  await publisher.close()
  assert.deepEqual(linesOf(path), [newSpan(1)])
})

test('what may pass is tried again, what will not is rejected', async (t) => {
  const at = folder(t)
  writeFileSync(join(at, 'file'), '')
  const cases: [string, string | undefined][] = [
    [join(at, 'absent', 'spans'), 'failed'],
    [at, 'rejected'],
    [join(at, 'file', 'spans'), 'rejected'],
    [join(at, 'x'.repeat(5000)), 'rejected'],
  ]
  if (existsSync('/dev/full')) cases.push(['/dev/full', 'failed'])
  for (const [path, outcome] of cases) {
    assert.equal(await outcomeOf(path), outcome, path)
  }
})

test(
  'a file without permission is tried again',
  { skip: process.getuid?.() === 0 && 'root may write anywhere' },
  async (t) => {
    const path = join(folder(t), 'spans')
    writeFileSync(path, '', { mode: 0o400 })
    assert.equal(await outcomeOf(path), 'failed')
  },
)

test('a write that stopped within a line spoils that line only', { skip: !existsSync('/bin/sh') }, (t) => {
  const path = join(folder(t), 'spans')
  const program = `
    import { truncateSync } from 'node:fs'
    import { fileSender } from 'tdist'
    const sender = fileSender({ path: ${JSON.stringify(path)} })
    const record = { bytes: Buffer.from(JSON.stringify([{ traceId: 'x'.repeat(400) }])), spans: 1 }
    const send = (count) => sender.send(Array(count).fill(record)).catch(({ outcome }) => console.log(outcome))
    await send(4)
    await send(1)
    truncateSync(${JSON.stringify(path)}, 500)
    await send(1)`
  // A file may grow to a block or two, and then no further.
  const script = `trap '' XFSZ; ulimit -f 2; exec "$0" --input-type=module -e "$1"`
  const { stdout, stderr } = spawnSync('/bin/sh', ['-c', script, process.execPath, program], {
    encoding: 'utf8',
  })
  assert.equal(stdout, 'in doubt\nfailed\n', stderr)
  const [first, torn, last, end] = readFileSync(path, 'utf8').split('\n')
  assert.equal(last, first)
  assert.ok(first!.startsWith(torn!) && torn!.length < first!.length)
  assert.equal(end, '')
})

test('a path is needed', () => {
  for (const path of ['', undefined, 7]) {
    assert.throws(() => fileSender({ path: path as string }), /fileSender needs a path/)
  }
})

async function outcomeOf(path: string): Promise<string | readonly Outcome[] | void> {
  const bytes = Buffer.from('[{"traceId":"1"}]')
  return fileSender({ path })
    .send([{ bytes, spans: 1 }])
    .catch((error: unknown) => {
      assert.ok(error instanceof SendError)
      assert.match(error.message, /^spans cannot be written to a file: \w+: .*, (open|write)/)
      return error.outcome
    })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}
