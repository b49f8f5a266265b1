import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { absentUrl, collector } from './support.ts'
import { ended, start } from './worker/worker-support.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const support = new URL('support.js', import.meta.url).href
const FORBIDS = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'

interface Mode {
  /** What the collector answers; where there is none nobody listens. */
  readonly answer?: (res: ServerResponse, count: number) => void
  readonly url?: string
  readonly sender?: string
  readonly options?: string
  readonly rest?: string
  /** What the rest does comes before the first call has ended. */
  readonly before?: boolean
}

const status = (code: number, body = '', headers: Record<string, string> = {}): Mode => ({
  answer: (res) => res.writeHead(code, headers).end(body),
})
const CLOSE = 'await publisher.close(200)'
const FULL = 'reportMany(publisher, 100, 2)'
const HANGS: Mode = { answer: () => {}, sender: 'httpSender({ url, timeoutMs: 1000 })' }
const MODES: Record<string, Mode> = {
  'nobody listens': {},
  'its name is unknown': { url: 'http://no.such.host.invalid/' },
  'it does not answer in time': HANGS,
  'it answers 5xx': status(503, 'busy'),
  'it answers 429': status(429),
  'it answers 4xx': status(400, 'no'),
  'it answers 401 or 403': status(403),
  'it answers 404 or 405': status(404),
  'it answers with a redirect': status(302, '', { location: 'https://zipkin/' }),
  'a page answers in its place': status(200, '<h1>Log in</h1>', { 'content-type': 'text/html' }),
  "Kinesis's answer does not tell of each record": {
    ...status(200, '{}'),
    sender: `kinesisSender({ streamName: 'spans', region: 'us-east-1', endpoint: new URL(url).origin })`,
  },
  'full, while calls fail': { rest: FULL },
  'full, while calls go through': { ...status(202), rest: FULL },
  'full, before any call has ended': {
    answer: () => {},
    options: '{ maxSpans: 4 }',
    before: true,
    rest: FULL,
  },
  'a span is too old': { rest: 'await publisher.close(30_000)' },
  'a span is too large': {
    ...status(202),
    rest: `publisher.report(newSpan(2, { tags: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ['k' + i, 'v'.repeat(200)])) })); ${CLOSE}`,
  },
  'a span is malformed': { ...status(202), rest: `publisher.report(newSpan(2, { traceId: 'x' })); ${CLOSE}` },
  // Between two calls, of which the later ones are seconds apart.
  'closed too early': { options: '{}', rest: 'await publisher.close(3000)' },
  'closed during a call': { answer: () => {}, options: '{}', before: true, rest: CLOSE },
  'given up without an answer': { ...HANGS, rest: 'await publisher.close(6000)' },
  'no answer, and then a rejection': {
    ...HANGS,
    answer: (res, count) => void (count > 1 && res.writeHead(400).end('no')),
    options: '{}',
    rest: 'await publisher.close(6000)',
  },
  'the process ended first': {
    rest: `flushAtExit(publisher); publisher.report(newSpan(3)); process.exit()`,
  },
}

/** The lines of the table in the documentation, by when they come. */
const documented = new Map(
  [
    ...readFileSync(`${root}docs/operations.md`, 'utf8')
      .split(/^## /m)
      .find((part) => part.startsWith('Lines on standard error'))!
      .matchAll(/^\| ([^|`]+) \| `([^`|]+)` \| [^|]+ \|$/gm),
  ].map(([, when, line]) => [when!, line!]),
)

describe('what a publisher says on standard error is as documented', { concurrency: 2 }, () => {
  for (const [when, mode] of Object.entries(MODES)) {
    test(when, async (t) => {
      const server = mode.answer && (await collector(mode.answer))
      t.after(() => server?.close())
      const { stderr } = await ended(start(program(mode.url ?? server?.url ?? (await absentUrl()), mode)))
      const said = partsOf(stderr)
      assert.ok(said.includes(documented.get(when)!), `${documented.get(when)}\n${said.join('\n')}`)
    })
  }

  test('its certificate is not trusted', async (t) => {
    const pem = readFileSync(`${root}test/support/localhost.pem`)
    const server = createServer({ key: pem, cert: pem }).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const { stderr } = await ended(start(program(url, {})))
    assert.ok(partsOf(stderr).includes(documented.get('its certificate is not trusted')!), stderr)
  })

  test('no worker may be started', async () => {
    const { stderr } = await ended(
      start(program('http://127.0.0.1:9', { options: '{ worker: true }' }), {
        NODE_OPTIONS: `${FORBIDS} --allow-fs-read=*`,
      }),
    )
    assert.ok(partsOf(stderr).includes(documented.get('no worker may be started')!), stderr)
  })

  test('and each that is documented is tried', () => {
    const tried = [...Object.keys(MODES), 'its certificate is not trusted', 'no worker may be started']
    assert.deepEqual([...documented.keys()].sort(), tried.sort())
  })
})

function program(
  url: string,
  { sender = 'httpSender({ url })', options, rest = '', before = false }: Mode,
): string {
  return `
    import { proto3Encoder } from '#src/codec/proto3.js'
    import { flushAtExit } from '#src/host/flush-at-exit.js'
    import { httpSender } from '#src/publisher/senders/http-sender.js'
    import { kinesisSender } from '#src/publisher/senders/kinesis-sender.js'
    import { ServicePublisher } from '#src/publisher/service-publisher.js'
    import { newSpan, reportMany } from '${support}'
    process.env.AWS_ACCESS_KEY_ID = process.env.AWS_SECRET_ACCESS_KEY = 'test'
    const url = '${url}'
    const publisher = new ServicePublisher(${sender}, proto3Encoder, ${options ?? '{ maxSpans: 4, maxAgeMs: 1000 }'})
    reportMany(publisher, 1, 1)
    void publisher.flush(800)
    const ended = () => publisher.stats().callMs.count > 0
    while (!${before} && !ended()) await new Promise((resolve) => setTimeout(resolve, 5))
    // A line that is due comes before this.
    await new Promise((resolve) => setTimeout(resolve, 50))
    ${rest}
    publisher.sayLosses()`
}

/** What was said, with what differs from run to run left out. */
function partsOf(stderr: string): string[] {
  return stderr
    .replace(/^tdist: /gm, '')
    .replace(/127\.0\.0\.1:\d+/g, 'HOST')
    .replace(/; if the root CA .*/g, '')
    .replace(/getaddrinfo \w+/g, 'getaddrinfo CODE')
    .replace(/\b\d+ (spans? |stored|failed|sent)/g, (_, what: string) => `N ${what}`)
    .replace(/N span /g, 'N spans ')
    .replace(/N spans was/g, 'N spans were')
    .replace(/\b\d+ (ms|bytes\)$)/gm, 'N $1')
    .split(/\n|; (?=\d|N spans)/)
}
