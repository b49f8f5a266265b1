import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, describe, it } from 'node:test'
import { assertBalanced, dropIn, explicit, get, run, untraced, type Service } from './service.ts'

type Headers = readonly (readonly [string, string])[]

/** Every header that the tests of propagation read, and some that only a stranger would send. */
const vectors: Headers[] = [...b3Vectors(), ...w3cVectors()]
const NAMES = ['b3', 'X-B3-TraceId', 'X-B3-SpanId', 'X-B3-ParentSpanId', 'X-B3-Sampled', 'X-B3-Flags']
const ALL = [...NAMES, 'traceparent', 'tracestate', 'X-Forwarded-For', 'user-id', 'x-flood']
const ID = '463ac35c9f6413ad'
const GOOD: Headers = [
  ['X-B3-TraceId', ID],
  ['X-B3-SpanId', ID],
]
const strange: Headers[] = [
  ...ALL.map((name) => [[name, 'a'.repeat(8192)]] as const),
  ...ALL.map((name) => [[name, '']] as const),
  ...ALL.map((name) => [[name, ' \t ']] as const),
  ...ALL.map((name) => [[name, 'caf\u00e9 \u00ff\u0080']] as const),
  ...ALL.map((name) => [[name, `${ID}, ${ID},,${ID}`]] as const),
  ALL.map((name) => [name, ID]),
  ALL.map((name) => [name, ',']),
  ALL.flatMap((name) => [[name, '1'] as const, [name.toUpperCase(), '2'] as const]),
  NAMES.map((name) => [name.toUpperCase(), '0']),
  Array.from({ length: 900 }, () => ['b3', 'x'] as const),
  Array.from({ length: 900 }, (_, i) => ['tracestate', `a${i}=b`] as const),
  Array.from({ length: 1200 }, (_, i) => [`h${i}`, ''] as const),
  Array.from({ length: 2100 }, () => ['a', ''] as const),
  [...GOOD, ['X-Forwarded-For', '::1, 1.2.3.4']],
  [...GOOD, ['X-Forwarded-For', 'unknown']],
  [...GOOD, ['__proto__', 'x'], ['constructor', 'y'], ['hasOwnProperty', 'z']],
  [...GOOD, ['user-id', 'caf\u00e9'], ['x-flood', 'b'.repeat(4000)]],
  // Well formed, and with what a call has of its own more than its receiver takes.
  [
    ['traceparent', `00-${ID}${ID}-${ID}-01`],
    ['tracestate', Array.from({ length: 31 }, (_, i) => `${'k'.repeat(250)}${i}=${'v'.repeat(256)}`).join()],
  ],
  [['x-flood', 'f'.repeat(15_900)]],
  [
    ['user-id', 'f'.repeat(8000)],
    ['x-flood', 'f'.repeat(7900)],
  ],
  [
    ['tracestate', 'a=1'],
    ['traceparent', `00-${ID}${ID}-${ID}-01`],
    ['baggage', 'a=b;c'],
  ],
  [
    ['tdist', 'x'],
    ['uber-trace-id', `${ID}:${ID}:0:1`],
    ['x-cloud-trace-context', 'a/b;o=1'],
    ['sentry-trace', '-'],
  ],
]
/** Over what a server takes, or not HTTP at all. */
const refused = [
  ...['b3: a\x00b', 'b3: a\x7fb', 'b3 : 1', 'b\u00e9: 1', ': 1', 'b3', ' b3: 1', 'b3: 1\n folded'].map(
    (line) =>
      Buffer.from(`GET /echo HTTP/1.1\r\nHost: app\r\n${line}\r\nConnection: close\r\n\r\n`, 'latin1'),
  ),
  get('/echo', [['b3', 'a'.repeat(20_000)]]),
  get('/echo', [['Host', 'other']]),
  Buffer.from('GET /echo HTTP/1.1\r\nX-B3-Flags: 1\r\nConnection: close\r\n\r\n'),
  Buffer.from('GET http://elsewhere/echo?x=1 HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n'),
  Buffer.from('OPTIONS * HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n'),
  Buffer.from('GET /%zz HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n'),
  Buffer.from('GET /echo HTTP/1.0\r\nb3: 0\r\n\r\n'),
  Buffer.from('POST /echo HTTP/1.1\r\nHost: app\r\nContent-Length: nine\r\n\r\n'),
  Buffer.from(
    `POST /echo HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`,
  ),
  Buffer.from(
    `POST /echo HTTP/1.1\r\nHost: app\r\nExpect: more\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`,
  ),
  Buffer.from(`GET /echo HTTP/1.1\r\nHost: app\r\nUpgrade: smoke\r\nConnection: upgrade, close\r\n\r\n`),
  Buffer.from('hello\r\n\r\n'),
]
const requests = [
  ...[...vectors, ...strange].map((headers) => get('/echo', headers)),
  ...strange.flatMap((headers) =>
    ['axios', 'undici', 'fetch', 'http'].map((client) => get(`/via/${client}`, headers)),
  ),
  ...refused,
]

describe('whatever stands in the headers, the answer is the untraced one', { concurrency: 2 }, () => {
  let answers: readonly string[]
  before(async () => {
    ;({ answers } = await run(untraced, requests))
    assert.match(answers[0]!, /^HTTP\/1\.1 200 OK\r\n/)
  })

  const services: [string, Service][] = [
    ['drop-in', dropIn()],
    ['drop-in that writes every format', dropIn({ TDIST_PROPAGATION: 'b3,b3-single,w3c' })],
    ['drop-in that samples nothing', dropIn({ TDIST_SAMPLE_RATE: '0' })],
    ['explicit, with baggage', { file: explicit, env: { FAULT: 'baggage' } }],
  ]
  for (const [name, service] of services) {
    it(name, async () => {
      const traced = await run(service, requests)
      for (const [i, answer] of traced.answers.entries()) {
        assert.equal(answer, answers[i], requests[i]!.toString('latin1').slice(0, 2000))
      }
      assert.equal(traced.stderr, '')
      assert.deepEqual(traced.end, { code: 3, signal: null })
      assert.deepEqual(traced.faults, {})
      assertBalanced(traced)
    })
  }
})

function b3Vectors(): Headers[] {
  const { parse, extract, scenarios } = vectorsOf('b3') as {
    parse: { value: string }[]
    extract: { headers: Record<string, string> }[]
    scenarios: { headers: Record<string, string> }[]
  }
  return [
    ...parse.map(({ value }) => [['b3', value]] as const),
    ...[...extract, ...scenarios].map(({ headers }) => Object.entries(headers)),
  ]
}

function w3cVectors(): Headers[] {
  return (vectorsOf('w3c') as { cases: { headers: Headers }[] }[]).flatMap(({ cases }) =>
    cases.map(({ headers }) => headers),
  )
}

function vectorsOf(format: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../test/propagation/${format}-vectors.json`, import.meta.url), 'utf8'),
  )
}
