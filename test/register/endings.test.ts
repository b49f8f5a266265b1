import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { collector } from '../publisher/support.js'

const TRACED = ['--import', createRequire(import.meta.url).resolve('tdist/register')]
const LOST = 'tdist: 2 spans were not sent before the process ended\n'

/** Calls itself once, which makes two spans, and ends in the given way. */
const service = (end: string): string => `
  import { once } from 'node:events'
  import http from 'node:http'
  const server = http.createServer((req, res) => res.end('hello')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answer = await fetch('http://127.0.0.1:' + server.address().port, { headers: { connection: 'close' } })
  await answer.text()
  server.close()
  await once(server, 'close')
  ${end}
`

describe('under tdist/register there is no time to send at', () => {
  const ends = {
    'process.exit()': 'process.exit(5)',
    'an uncaught throw': `throw new TypeError('fatal')`,
    'an unhandled rejection': `void Promise.reject(new TypeError('fatal')); setInterval(() => {}, 60_000)`,
    'process.exit() in a timer': `setTimeout(() => process.exit(5)); setInterval(() => {}, 60_000)`,
  }
  for (const [name, end] of Object.entries(ends)) {
    it(`${name}: the loss is one line, and the rest is as it is untraced`, async (t) => {
      // It never answers, so that nothing is sent before.
      const sink = await collector(() => {})
      t.after(() => sink.close())
      const traced = await run(service(end), TRACED, sink.url)
      const untraced = await run(service(end), [], sink.url)
      assert.deepEqual(traced.ended, untraced.ended)
      assert.ok(traced.stderr.includes(LOST), traced.stderr)
      assert.equal(traced.stderr.replace(LOST, ''), untraced.stderr)
    })
  }
})

async function run(
  program: string,
  flags: string[],
  sink: string,
): Promise<{ ended: unknown; stderr: string }> {
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', program], {
    env: { ...process.env, NODE_OPTIONS: '', TDIST_SERVICE_NAME: 'app', TDIST_ZIPKIN_URL: sink },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [stderr, ended] = await Promise.all([text(child.stderr), once(child, 'close')])
  return { ended, stderr }
}
