import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient } from 'tdist/thrift'
import {
  createNpmClient,
  openNpmConnection,
  Service,
  startNpmServer,
  withNpmClient,
} from '../../support/thrift-npm.ts'
import { internals } from '../../support/internals.ts'

const recorded = createTestTracing()
const { tracing } = recorded
const { tracer, dataManager } = internals(tracing)
afterEach(() => recorded.assertClean())

const wire = { processor: 'plain', transport: 'framed', protocol: 'binary' } as const
const traced = <T extends object>(connection: T): T => traceThriftClient(tracing, connection)
const served = <T extends object>(processor: T): T => traceProcessor(tracing, processor)

describe('the scope of thrift calls', () => {
  it('a call goes on in the scope of its caller, whoever opened the connection', async () => {
    const server = await startNpmServer(wire)
    const opener = tracer.newTrace('SERVER')
    const connection = dataManager.run(opener, () => traced(openNpmConnection(wire, server.port)))
    const client = createNpmClient(wire, connection)
    const root = tracer.newTrace('SERVER')
    const seen = await dataManager.run(root, async () => {
      await client.add(1, 2)
      const awaited = dataManager.current
      // As code generated for callbacks does: it leaves the callback itself to be called.
      const raw = client as unknown as Raw
      const called = await new Promise((resolve) => {
        raw._seqid = raw.new_seqid()
        raw._reqs[raw.seqid()] = () => resolve(dataManager.current)
        raw.send_add(3, 4)
      })
      return [awaited, called]
    })
    assert.ok(seen.every((span) => span === root))
    opener.finish()
    root.finish()
    const spans = await recorded.take(4, 20_000)
    const calls = spans.filter(({ name }) => name === 'Service.add')
    assert.deepEqual(
      calls.map(({ parentId }) => parentId),
      [root.context.spanId, root.context.spanId],
    )
    connection.end()
    await server.close()
  })

  it('50 handlers at once each see their own span, and their own calls are its children', async () => {
    const inner = await startNpmServer(wire, served)
    const innerConnection = traced(openNpmConnection(wire, inner.port))
    const next = createNpmClient(wire, innerConnection)
    const handler = {
      async echo(s: string) {
        const before = dataManager.current
        await sleep(Number(s) % 7)
        await next.add(Number(s), 0)
        assert.equal(dataManager.current, before)
        return before!.context.spanId
      },
    }
    const server = await startNpmServer(wire, served, handler)
    const ids = await withNpmClient(
      wire,
      server.port,
      (client) => Promise.all(Array.from({ length: 50 }, (_, i) => client.echo(String(i)))),
      traced as never,
    )
    assert.equal(new Set(ids).size, 50)
    const spans = await recorded.take(200, 20_000)
    for (const id of ids) {
      const half = spans.filter((span) => span.id === id)
      assert.deepEqual(half.map(({ kind }) => kind!).toSorted(inOrder), ['CLIENT', 'SERVER'])
      const children = spans.filter(({ parentId }) => parentId === id)
      assert.deepEqual(children.map(({ kind }) => kind!).toSorted(inOrder), ['CLIENT', 'SERVER'])
      assert.equal(new Set(children.map((span) => span.id)).size, 1)
    }
    innerConnection.end()
    await Promise.all([server.close(), inner.close()])
  })
})

describe('the handlers of thrift calls', () => {
  type Callback = (error: unknown, result?: unknown) => void
  const styles: Record<string, object> = {
    callback: {
      add: (a: number, b: number, done: Callback) => void setImmediate(() => done(null, a + b)),
    },
    value: { add: (a: number, b: number) => a + b },
    promise: { add: (a: number, b: number) => Promise.resolve(a + b) },
    async: {
      async add(a: number, b: number) {
        await sleep(1)
        return a + b
      },
    },
    'on a class, frozen': Object.freeze(
      new (class {
        #offset = 0
        add(a: number, b: number) {
          return a + b + this.#offset
        }
      })(),
    ),
  }
  for (const [style, handler] of Object.entries(styles)) {
    it(`${style}: the answer, and one span a side`, async () => {
      const server = await startNpmServer(wire, served, handler)
      const sum = await withNpmClient(wire, server.port, (client) => client.add(2, 3), traced as never)
      assert.equal(sum, 5)
      const spans = await recorded.take(2, 20_000)
      assert.deepEqual(spans.map(({ kind }) => kind!).toSorted(inOrder), ['CLIENT', 'SERVER'])
      await server.close()
    })
  }

  it('a method that is bound with some of its arguments, and called later with the rest', async () => {
    const seen: unknown[] = []
    let answer: (() => void) | undefined
    let later: ((...args: number[]) => unknown) | undefined
    const handler = {
      ping: () => new Promise<void>((resolve) => (answer = resolve)),
      add: (...given: number[]) => seen.push(...given, tracing.dataManager.current?.kind),
    }
    const binding = (processor: { process_ping?: unknown }): object => {
      const { process_ping } = Service.Processor.prototype
      processor.process_ping = function (this: { _handler: typeof handler }, ...args: unknown[]) {
        later = this._handler.add.bind(undefined, 1, 2)
        return process_ping.apply(this, args)
      }
      return served(processor)
    }
    const server = await startNpmServer(wire, binding, handler)
    const call = withNpmClient(wire, server.port, (client) => client.ping(), traced as never)
    while (answer === undefined) await new Promise(setImmediate)
    later!(3)
    answer()
    await call
    assert.deepEqual(seen, [1, 2, 3, 'SERVER'])
    await recorded.take(2, 20_000)
    await server.close()
  })

  it('oneway: the client is done when it is sent, the server when it is handled', async () => {
    const server = await startNpmServer(wire, served)
    await withNpmClient(
      wire,
      server.port,
      async (client) => {
        await client.fire('x')
        // A connection that ends at once has sent nothing.
        await client.ping()
      },
      traced as never,
    )
    const all = await recorded.take(4, 20_000)
    const spans = all.filter(({ name }) => name === 'Service.fire')
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['Service.fire', 'Service.fire'],
    )
    assert.equal(spans[0]!.id, spans[1]!.id)
    await server.close()
  })
})

function inOrder(a: string, b: string): number {
  return a.localeCompare(b)
}

/** What a generated client is inside. */
interface Raw {
  _seqid: number
  readonly _reqs: Record<number, (error: unknown) => void>
  new_seqid(): number
  seqid(): number
  send_add(a: number, b: number): void
}
