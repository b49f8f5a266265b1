import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { startLocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import { decodeProto3 } from '#src/codec/proto3.js'
import { absentUrl, deferred } from '../support.ts'
import { ended, service, spanSink, start } from './worker-support.ts'

const SPANS = 2000
const AWS = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_EC2_METADATA_DISABLED: 'true',
  NODE_NO_WARNINGS: '1',
}

describe('a process that ends', { concurrency: 2 }, () => {
  const endings = [
    { how: 'process.exit()', rest: 'process.exit(5)', code: 5, signal: null },
    { how: 'process.exit() later', rest: 'setImmediate(() => process.exit(5))', code: 5, signal: null },
    { how: 'a signal', rest: `process.kill(process.pid, 'SIGTERM')`, code: null, signal: 'SIGTERM' },
    { how: 'nothing left to do', rest: 'process.exitCode = 3', code: 3, signal: null },
  ]
  for (const { how, rest, code, signal } of endings) {
    test(`${how}: every span arrives`, async (t) => {
      const sink = await spanSink()
      t.after(() => sink.close())
      const end = await ended(start(service(`httpSender({ url: '${sink.url}' })`, SPANS, rest)))
      assert.deepEqual(end, { code, signal, stdout: '', stderr: '' })
      assert.equal(new Set(sink.ids()).size, SPANS)
    })
  }

  test('an uncaught error: every span arrives, and it ends as it would untraced', async (t) => {
    const sink = await spanSink()
    t.after(() => sink.close())
    const program = service(`httpSender({ url: '${sink.url}' })`, SPANS, `throw new Error('fatal')`)
    const end = await ended(start(program))
    const untraced = await ended(start(program, { TDIST_DISABLED: '1' }))
    assert.match(untraced.stderr, /Error: fatal/)
    assert.deepEqual(end, untraced)
    assert.equal(end.code, 1)
    assert.equal(new Set(sink.ids()).size, SPANS)
  })

  test('process.exit() with Kinesis: every span is on the stream, or its loss is said', async (t) => {
    const kinesis = await startLocalKinesis({ streams: { spans: 2 } })
    t.after(() => kinesis.close())
    const sender = `kinesisSender({ streamName: 'spans', region: 'us-east-1', endpoint: '${kinesis.endpoint}' })`
    const { stderr, ...end } = await ended(start(service(sender, SPANS, 'process.exit(0)'), AWS))
    assert.deepEqual(end, { code: 0, signal: null, stdout: '' })
    // A process that exits waits half a second for a first answer; a busy machine may take longer to load the SDK.
    const [, lost = '0'] = /^(?:tdist: (\d+) spans were not sent before the process ended\n)?$/.exec(stderr)!
    const ids = kinesis.records('spans').flatMap(({ data }) => decodeProto3(data).map(({ id }) => id))
    assert.ok(new Set(ids).size >= SPANS - Number(lost), `${new Set(ids).size} came, ${lost} said lost`)
  })

  test('with no collector, or one that hangs, it ends with its own code and says the loss', async (t) => {
    const hanging = await spanSink(() => {})
    t.after(() => hanging.close())
    for (const url of [await absentUrl(), hanging.url]) {
      const { code, signal, stderr } = await ended(
        start(service(`httpSender({ url: '${url}' })`, SPANS, 'process.exit(5)')),
      )
      assert.deepEqual([code, signal], [5, null])
      assert.ok(stderr.endsWith(`tdist: ${SPANS} spans were not sent before the process ended\n`), stderr)
    }
  })

  test('a second signal ends it at once, and what is lost by that is said', async (t) => {
    const first = deferred<void>()
    const sink = await spanSink(() => first.resolve(undefined))
    t.after(() => sink.close())
    const rest = `setInterval(() => {}, 60_000); console.log('ready')`
    const child = start(service(`httpSender({ url: '${sink.url}' })`, 500, rest))
    const end = ended(child)
    await once(child.stdout!, 'data')
    child.kill('SIGINT')
    await first.promise
    child.kill('SIGINT')
    assert.deepEqual(await end, {
      code: null,
      signal: 'SIGINT',
      stdout: 'ready\n',
      stderr: 'tdist: 500 spans were not sent before the process ended\n',
    })
  })

  test("the service's own preloads do not run in the worker", async (t) => {
    const sink = await spanSink()
    t.after(() => sink.close())
    const preload = `data:text/javascript,console.log('preloaded')`
    const end = await ended(
      start(service(`httpSender({ url: '${sink.url}' })`, 3, 'process.exit(0)'), {
        NODE_OPTIONS: `--import="${preload}" --import=tdist/register`,
        TDIST_SERVICE_NAME: 'shop',
        TDIST_SENDER: 'none',
      }),
    )
    assert.deepEqual(end, { code: 0, signal: null, stdout: 'preloaded\n', stderr: '' })
    assert.equal(sink.ids().length, 3)
  })

  test('a forked process with a worker ends when its parent lets it go', async (t) => {
    const sink = await spanSink()
    t.after(() => sink.close())
    const rest = `process.once('message', () => { work(7); process.disconnect() }); process.send('ready')`
    const child = start(service(`httpSender({ url: '${sink.url}' })`, 3, rest), {}, true)
    const end = ended(child)
    await once(child, 'message')
    child.send('go')
    assert.deepEqual(await end, { code: 0, signal: null, stdout: '', stderr: '' })
    assert.equal(new Set(sink.ids()).size, 10)
  })
})

for (const worker of [true, false]) {
  test(`frozen between invocations, worker ${worker}: what was flushed has arrived`, async (t) => {
    const sink = await spanSink()
    t.after(() => sink.close())
    const rest = `
      process.stdin.on('data', async () => {
        work(5)
        await tracing.flush(60_000)
        console.log('done')
      })`
    const child = start(service(`httpSender({ url: '${sink.url}' })`, 0, rest, `{ worker: ${worker} }`))
    t.after(() => child.kill('SIGKILL'))
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    for (let invocation = 1; invocation <= 3; invocation++) {
      child.stdin!.write('invoke\n')
      assert.equal((await lines.next()).value, 'done')
      child.kill('SIGSTOP')
      assert.equal(new Set(sink.ids()).size, invocation * 5)
      child.kill('SIGCONT')
    }
    child.stdin!.end()
    const [code] = (await once(child, 'exit')) as [number | null]
    assert.equal(code, 0)
  })
}
