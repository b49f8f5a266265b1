import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { freePorts } from '../../../test/support/free-ports.ts'
import {
  assertBalanced,
  dropIn,
  everyday,
  everydayUntraced,
  linesOf,
  NOT_SENT,
  run,
  speaks,
} from '../../../test/bad-input/service.ts'

const again = 'tdist: spans could not be sent and will be tried again: '
const rejected = 'tdist: N spans dropped: rejected: '
const POST = 'POST http://the collector/api/v2/spans'

const answer = (status: string, body = '') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** What a collector does with a connection that has brought something, and what the service says of it. */
const collectors: Record<string, readonly [(socket: Socket) => unknown, ...lines: string[]]> = {
  'answers 202': [(socket) => socket.write(answer('202 Accepted'))],
  'answers 400': [
    (socket) => socket.write(answer('400 Bad Request', 'no\nspans')),
    `${rejected}${POST} answered 400: no spans`,
  ],
  'answers 404': [
    (socket) => socket.write(answer('404 Not Found')),
    `${rejected}${POST} answered 404; is that where the collector takes spans?`,
  ],
  'answers 413': [(socket) => socket.write(answer('413 Too Large')), `${rejected}${POST} answered 413`],
  'answers 301': [
    (socket) => socket.write(answer('301 Gone On')),
    `${rejected}${POST} answered 301; give the collector's own URL`,
  ],
  'answers 429': [
    (socket) => socket.write(answer('429 Slow')),
    `${again}too much at once for the collector`,
    NOT_SENT,
  ],
  'answers 500': [(socket) => socket.write(answer('500 Sorry')), `${again}${POST} answered 500`, NOT_SENT],
  'does not speak HTTP': [
    (socket) => socket.write('SSH-2.0-OpenSSH\r\n'),
    `${again}${POST}: Parse Error: Expected HTTP/, RTSP/ or ICE/`,
    NOT_SENT,
  ],
  'breaks the connection': [
    (socket) => socket.resetAndDestroy(),
    `${again}${POST}: read ECONNRESET`,
    NOT_SENT,
  ],
  'hangs up': [(socket) => socket.end(), `${again}${POST}: socket hang up`, NOT_SENT],
  'never answers': [() => {}, NOT_SENT],
  'never ends its answer': [
    (socket) => socket.write('HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\n'),
    NOT_SENT,
  ],
  'breaks off its answer': [
    (socket) => socket.end('HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\n'),
    `${again}${POST}: aborted`,
    NOT_SENT,
  ],
  'answers without end': [
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const more = () => socket.writable && socket.write('x'.repeat(65_536), more)
      more()
    },
    `${again}${POST}: 127.0.0.1 answered more than 1048576 bytes`,
    NOT_SENT,
  ],
}

describe('whatever the collector does, the service does as it does untraced', { concurrency: 3 }, () => {
  for (const [name, [act, ...expected]] of Object.entries(collectors)) {
    it(`one that ${name}`, async () => {
      await using collector = await startCollector(act)
      const traced = await run(dropIn(environment(collector.port)), everyday, { speaks: speaks(expected) })
      const { answers, end } = await everydayUntraced()
      assert.deepEqual(traced.answers, answers)
      assert.deepEqual(traced.end, end)
      assert.deepEqual(linesOf(traced, collector.port), expected)
      assertBalanced(traced)
    })
  }

  it('one that is not there', async () => {
    const [port] = await freePorts(1)
    const traced = await run(dropIn(environment(port!)), everyday, { speaks: true })
    const { answers, end } = await everydayUntraced()
    assert.deepEqual(traced.answers, answers)
    assert.deepEqual(traced.end, end)
    assert.deepEqual(linesOf(traced, port), [`${again}${POST}: connect ECONNREFUSED the collector`, NOT_SENT])
    assertBalanced(traced)
  })

  it('one of no known name', async () => {
    const traced = await run(
      dropIn({ ...environment(9411), TDIST_ZIPKIN_URL: 'http://no.such.host.invalid/' }),
      everyday,
    )
    assert.deepEqual(traced.answers, (await everydayUntraced()).answers)
    assert.match(
      traced.stderr,
      /^tdist: spans could not be sent and will be tried again: POST http:\/\/no\.such\.host\.invalid\/api\/v2\/spans: getaddrinfo \w+ no\.such\.host\.invalid\ntdist: .*\n$/,
    )
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`one that never answers: ${signal} ends the service all the same`, async () => {
      await using collector = await startCollector(() => {})
      const traced = await run(dropIn(environment(collector.port)), everyday.slice(0, 3), { signal })
      assert.deepEqual(traced.end, { code: null, signal })
      assert.deepEqual(linesOf(traced, collector.port), [NOT_SENT])
    })
  }

  it('one that rejects: the loss is said though SIGTERM leaves no time', async () => {
    const [act, ...expected] = collectors['answers 400']!
    await using collector = await startCollector(act)
    const traced = await run(dropIn(environment(collector.port)), everyday.slice(0, 3), {
      signal: 'SIGTERM',
    })
    assert.deepEqual(traced.end, { code: null, signal: 'SIGTERM' })
    assert.deepEqual(linesOf(traced, collector.port), expected)
  })

  it('TDIST_DEBUG: besides, it says what it traces', async () => {
    const [act] = collectors['answers 202']!
    await using collector = await startCollector(act)
    const traced = await run(dropIn({ ...environment(collector.port), TDIST_DEBUG: '1' }), everyday)
    const { answers, end } = await everydayUntraced()
    assert.deepEqual(traced.answers, answers)
    assert.deepEqual(traced.end, end)
    const debugging = ['node:http', 'node:http', 'express', 'undici', 'kafkajs', 'thrift', 'pg']
    assert.deepEqual(
      linesOf(traced),
      debugging.map((module) => `tdist: traces ${module}`),
    )
  })

  it('one that nobody can tell: with standard error closed the service lives on', async () => {
    const traced = await run({ ...dropIn(environment(1)), closesStderr: true }, everyday)
    const { answers, end } = await everydayUntraced()
    assert.deepEqual(traced.answers, answers)
    assert.deepEqual(traced.end, end)
  })
})

function environment(port: number): Record<string, string> {
  return { TDIST_SENDER: 'http', TDIST_ZIPKIN_URL: `http://127.0.0.1:${port}/api/v2/spans` }
}

interface Collector extends AsyncDisposable {
  readonly port: number
  close(): void
}

async function startCollector(act: (socket: Socket) => unknown): Promise<Collector> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      // Acts once a request: on its head.
      if (chunk.includes('POST ')) act(socket)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  const { port } = server.address() as AddressInfo
  return { port, close, [Symbol.asyncDispose]: async () => close() }
}
