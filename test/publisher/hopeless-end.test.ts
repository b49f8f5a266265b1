import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { freePorts } from '../support/free-ports.ts'
import { absentUrl } from './support.ts'
import { ended, service, spanSink, start } from './worker-support.ts'

const AWS = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_EC2_METADATA_DISABLED: 'true',
  NODE_NO_WARNINGS: '1',
}
/** Says how long the end of a process took, from when nothing was left to do. */
const TIMED = `
  process.prependOnceListener('beforeExit', () => {
    const start = performance.now()
    process.on('exit', () => console.log(Math.round(performance.now() - start)))
  })`
const WORKERS = [false, true]

describe('a process that ends where nothing gets through', { concurrency: 2 }, () => {
  for (const worker of WORKERS) {
    test(`does not wait for its deadline, worker ${worker}`, async (t) => {
      const failing = await spanSink((res) => res.writeHead(503).end())
      t.after(() => failing.close())
      const [port] = await freePorts(1)
      const senders: Record<string, string> = {
        refused: `httpSender({ url: '${await absentUrl()}' })`,
        'no such name': `httpSender({ url: 'http://no.such.host.invalid/' })`,
        503: `httpSender({ url: '${failing.url}' })`,
        kinesis: `kinesisSender({ streamName: 'spans', region: 'us-east-1', endpoint: 'http://127.0.0.1:${port}' })`,
        ...(!worker && {
          kafka: `(await import('tdist/kafkajs')).kafkaSender({ brokers: ['127.0.0.1:${port}'] })`,
        }),
      }
      for (const [name, sender] of Object.entries(senders)) {
        const program = service(sender, 3, TIMED, `{ worker: ${worker} }`)
        const { code, stdout, stderr } = await ended(start(program, AWS))
        assert.equal(code, 0, name)
        assert.ok(
          stderr.endsWith('tdist: 3 spans were not sent before the process ended\n'),
          `${name}: ${stderr}`,
        )
        // It was 2000.
        assert.ok(Number(stdout) < 1900, `${name}: ${stdout} ms`)
      }
    })

    test(`waits for a collector that is slow, worker ${worker}`, async (t) => {
      const sink = await spanSink((res) => setTimeout(() => res.writeHead(202).end(), 1000))
      t.after(() => sink.close())
      const program = service(`httpSender({ url: '${sink.url}' })`, 3, '', `{ worker: ${worker} }`)
      assert.deepEqual(await ended(start(program)), { code: 0, signal: null, stdout: '', stderr: '' })
      assert.equal(sink.ids().length, 3)
    })

    test(`waits for a collector that fails at first, worker ${worker}`, async (t) => {
      const sink = await spanSink((res, count) => res.writeHead(count === 1 ? 503 : 202).end())
      t.after(() => sink.close())
      const program = service(`httpSender({ url: '${sink.url}' })`, 3, '', `{ worker: ${worker} }`)
      const { code, stderr } = await ended(start(program))
      assert.equal(code, 0)
      assert.match(stderr, /^tdist: spans could not be sent and will be tried again: .*503\n$/)
      assert.equal(new Set(sink.ids()).size, 3)
    })
  }
})
