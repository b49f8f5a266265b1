import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { ZipkinSpan } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient } from 'tdist/thrift'
import { startNpmServer, withNpmClient, type Client, type Wrap } from '../../support/thrift-npm.ts'

const recorded = createTestTracing()
const { tracing } = recorded
afterEach(() => recorded.assertClean())

const served: Wrap = (processor) => traceProcessor(tracing, processor)
const MODES = ['off', 'field', 'prefix', 'auto'] as const

interface Outcome {
  /** What the caller got, or what became of the connection instead. */
  readonly client: string
  /** What the server's `error` event told. */
  readonly server: string[]
}

interface Failure {
  readonly call: (client: Client) => Promise<unknown>
  readonly handler?: object
  /** What the server's span says. */
  readonly name: string
  readonly tags: Record<string, string>
}

const failures: Record<string, Failure> = {
  'a declared exception': {
    call: (client) => client.declared('why'),
    name: 'Service.declared',
    tags: { 'thrift.exception': 'declared', error: 'Oops' },
  },
  'an undeclared exception': {
    call: (client) => client.undeclared('why'),
    name: 'Service.undeclared',
    tags: { 'thrift.exception': 'undeclared', error: 'why' },
  },
  'a method that there is not': {
    call: callNowhere,
    name: 'Service.unknown_method',
    tags: { 'thrift.exception': 'undeclared', error: 'Unknown function nowhere' },
  },
  'a handler that throws at once': {
    call: (client) => client.add(1, 2),
    handler: {
      add() {
        throw new Error('out of paper')
      },
    },
    name: 'Service.add',
    tags: { 'thrift.exception': 'undeclared', error: 'out of paper' },
  },
}

describe('thrift calls that fail', () => {
  for (const processor of ['plain', 'mux'] as const) {
    for (const transport of ['buffered', 'framed', 'http', 'ws'] as const) {
      for (const protocol of ['binary', 'compact', 'json'] as const) {
        for (const [what, { call, handler, name, tags }] of Object.entries(failures)) {
          // There it is never answered, untraced either.
          if (transport === 'ws' && handler) continue
          const wire = { processor, transport, protocol }
          const outcome = async (client: Wrap | undefined, server: Wrap | undefined): Promise<Outcome> => {
            const it = await startNpmServer(wire, server, handler)
            const got = await withNpmClient(wire, it.port, call, client).then(
              () => 'an answer',
              (error: unknown) => String(error),
            )
            await it.close()
            return { client: got, server: it.errors.map(String) }
          }
          it(`${processor}, ${transport}, ${protocol}: ${what} is what it is untraced`, async () => {
            const untraced = await outcome(undefined, undefined)
            for (const propagation of MODES) {
              const traced: Wrap = (connection) => traceThriftClient(tracing, connection, { propagation })
              assert.deepEqual(await outcome(traced, served), untraced, propagation)
              const spans = await recorded.take(2, 20_000)
              const of = (kind: string): ZipkinSpan => spans.find((span) => span.kind === kind)!
              assert.equal(of('SERVER').name, name)
              assert.deepEqual(picked(of('SERVER'), tags), tags)
              if (handler === undefined) assert.deepEqual(picked(of('CLIENT'), tags), tags)
              // Nothing is answered: the connection or the request fails.
              else
                assert.match(of('CLIENT').tags!['error']!, /^connection closed$|ECONNRESET|status code: 500/)
              assert.equal(of('SERVER').shared ?? false, propagation !== 'off')
            }
          })
        }
      }
    }
  }

  it('a handler that throws at once leaves the call open over a WebSocket, as untraced', async () => {
    const wire = { processor: 'plain', transport: 'ws', protocol: 'binary' } as const
    const torn = {
      add() {
        throw new Error('out of paper')
      },
      echo: (text: string) => text,
    }
    const race = (client: Client): Promise<unknown> => Promise.race([client.add(1, 2), client.echo('later')])
    const traced: Wrap = (connection) => traceThriftClient(tracing, connection)
    for (const wraps of [[], [traced, served]]) {
      const server = await startNpmServer(wire, wraps[1], torn)
      assert.equal(await withNpmClient(wire, server.port, race, wraps[0]), 'later')
      await server.close()
    }
    const spans = await recorded.take(4, 20_000)
    const errors = spans.filter(({ name }) => name === 'Service.add').map(({ tags }) => tags!['error']!)
    assert.deepEqual(errors.toSorted(), ['connection closed', 'out of paper'])
  })
})

/** What the span says by these keys. */
function picked(span: ZipkinSpan, tags: object): object {
  return Object.fromEntries(Object.keys(tags).map((key) => [key, span.tags![key]]))
}

/** Calls a method that is in nobody's interface. */
function callNowhere(client: Client): Promise<unknown> {
  const raw = client as unknown as Raw
  raw['recv_nowhere'] = raw.recv_add
  return new Promise((_, reject) => {
    raw._seqid = raw.new_seqid()
    raw._reqs[raw.seqid()] = reject
    const output = new raw.pClass(raw.output)
    output.writeMessageBegin('nowhere', 1, raw.seqid())
    output.writeStructBegin('args')
    output.writeFieldStop()
    output.writeStructEnd()
    output.writeMessageEnd()
    raw.output.flush()
  })
}

/** What a generated client is inside. */
interface Raw {
  _seqid: number
  readonly _reqs: Record<number, (error: unknown) => void>
  readonly output: { flush(): void }
  readonly recv_add: unknown
  recv_nowhere: unknown
  // oxlint-disable-next-line typescript/no-explicit-any -- npm's thrift brings no types
  readonly pClass: new (output: object) => any
  new_seqid(): number
  seqid(): number
}
