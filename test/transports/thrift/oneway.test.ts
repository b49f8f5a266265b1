import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { createRequire } from 'node:module'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { traceProcessor, tracingProtocol } from 'tdist/thrift'
import { answersNobody } from '#src/transports/thrift/oneway.js'
import { generateJs } from '../../support/thrift-generated.ts'
import { Service, startNpmServer, thrift, wireOptions, type Wrap } from '../../support/thrift-npm.ts'
import type { Wire } from '../../support/thrift-peer.ts'

const require = createRequire(import.meta.url)
const recorded = createTestTracing()
afterEach(() => recorded.assertClean())

const { CALL, ONEWAY } = thrift.Thrift.MessageType
// Old binary messages cannot be multiplexed, untraced either.
const MULTIPLEXED = ['binary', 'compact', 'json']
const PROTOCOLS = { plain: ['old binary', ...MULTIPLEXED], mux: MULTIPLEXED }
const traced =
  ({ tracing }: TestTracing = recorded): Wrap =>
  (processor) =>
    traceProcessor(tracing, processor)

describe('a oneway call', () => {
  for (const processor of ['plain', 'mux'] as const)
    for (const transport of ['buffered', 'framed'])
      for (const protocol of PROTOCOLS[processor]) {
        const wire = { processor, transport, protocol }
        for (const [from, type] of Object.entries({ 'as Go writes it': CALL, 'as others do': ONEWAY }))
          it(`${processor}, ${transport}, ${protocol}, ${from}: is a span and no answer`, async () => {
            const fired = ['one', 'two', 'three'].map((text, i) => message(wire, 'fire', type, i, text))
            const bytes = Buffer.concat([...fired, message(wire, 'echo', CALL, 4, 'last')])
            const untraced = await say(wire, bytes)
            assert.deepEqual(await say(wire, bytes, traced()), untraced)
            const spans = await recorded.take(4, 20_000)
            const names = spans.map(({ name, kind }) => `${kind} ${name}`)
            assert.deepEqual(names, [...Array(3).fill('SERVER Service.fire'), 'SERVER Service.echo'])
            for (const { tags } of spans)
              assert.deepEqual(Object.keys(tags!).toSorted(), ['thrift.method', 'thrift.service'])
          })
      }

  it('as Go writes it, a thousand times: a thousand spans, in which the handler runs', async () => {
    const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const
    const ids = new Set<string>()
    const handler = {
      fire: () => void ids.add(recorded.tracing.dataManager.current!.context.spanId),
      echo: (text: string) => text,
    }
    const bytes = Array.from({ length: 1000 }, (_, i) => message(wire, 'fire', CALL, i, 'now'))
    await say(wire, Buffer.concat([...bytes, message(wire, 'echo', CALL, 0, 'last')]), traced(), handler)
    const spans = await recorded.take(1001, 20_000)
    assert.deepEqual(
      spans.slice(0, -1).map(({ id }) => id),
      [...ids],
    )
  })

  it('as Go writes it, over HTTP: is a span, though npm answers no such request', async () => {
    const wire = { processor: 'plain', transport: 'http', protocol: 'binary' } as const
    const server = await startNpmServer(wire, traced())
    const post = request({ port: server.port, method: 'POST' }).on('error', () => {})
    post.end(message(wire, 'fire', CALL, 1, 'now'))
    const [span] = await recorded.take(1, 20_000)
    assert.equal(span!.name, 'Service.fire')
    post.destroy()
    await server.close()
  })

  it('as Go writes it, with the traced protocol on the server', async () => {
    const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const
    const options = wireOptions(wire)
    const protocol = tracingProtocol(recorded.tracing, options.protocol as object)
    for (const [wrap, spans] of [
      [(processor: object) => processor, 0],
      [traced(), 2],
    ] as const) {
      const processor = wrap(new Service.Processor({ fire() {}, echo: (text: string) => text }))
      const server = thrift.createServer(
        class {
          constructor() {
            return processor
          }
        },
        {},
        { ...options, protocol },
      )
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const bytes = [message(wire, 'fire', CALL, 1, 'now'), message(wire, 'echo', CALL, 2, 'last')]
      const socket = connect(server.address().port, '127.0.0.1')
      socket.end(Buffer.concat(bytes))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.match(answer.toString('latin1'), /last/)
      assert.equal((await recorded.take(spans, 20_000)).length, spans)
      await new Promise((closed) => server.close(closed))
    }
  })

  it('whose handler throws ends the connection as untraced, and its span with the error', async () => {
    const wire = { processor: 'plain', transport: 'framed', protocol: 'compact' } as const
    const handler = {
      fire() {
        throw new Error('out of paper')
      },
    }
    const bytes = message(wire, 'fire', CALL, 1, 'now')
    const untraced = await say(wire, bytes, undefined, handler)
    assert.deepEqual(await say(wire, bytes, traced(), handler), untraced)
    assert.deepEqual(untraced.errors, ['Error: out of paper'])
    assert.equal((await recorded.take(1, 20_000))[0]!.tags!['error'], 'out of paper')
  })
})

describe('a call whose handler', () => {
  const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const
  type Answer = (error: unknown, result?: unknown) => void

  it('never answers is ended by its age, without an error; the late answer is the caller’s all the same', async () => {
    const impatient = createTestTracing({ thrift: { maxSpanAgeMs: 10 } })
    let answer: Answer | undefined
    const handler = { echo: (_: string, late: Answer) => void (answer = late) }
    const server = await startNpmServer(wire, traced(impatient), handler)
    const socket = connect(server.port, '127.0.0.1')
    socket.write(message(wire, 'echo', CALL, 1, 'slow'))
    const [span] = await impatient.take(1, 20_000)
    assert.deepEqual(
      { ...span!.tags },
      {
        'thrift.method': 'echo',
        'thrift.service': 'Service',
        'tdist.ended': 'age',
      },
    )
    assert.deepEqual(impatient.tracing.endedByAge, { 'thrift server': 1 })
    answer!(null, 'late')
    const [said] = (await once(socket, 'data')) as [Buffer]
    assert.match(said.toString('latin1'), /late/)
    impatient.assertClean()
    socket.destroy()
    await server.close()
  })

  it('answers twice says what it says untraced, and is one span', async () => {
    for (const [what, answers] of Object.entries<Parameters<Answer>[]>({
      'two results': [
        [null, 'one'],
        [null, 'two'],
      ],
      'an error, then a result': [[new Error('no')], [null, 'yes']],
      'a result, then an error': [[null, 'yes'], [new Error('no')]],
    })) {
      const handler = {
        echo: (_: string, answer: Answer) => answers.forEach((one) => answer(...one)),
        ping: () => {},
      }
      const bytes = Buffer.concat([message(wire, 'echo', CALL, 1, 'a'), message(wire, 'ping', CALL, 2)])
      const untraced = await say(wire, bytes, undefined, handler)
      assert.deepEqual(await say(wire, bytes, traced(), handler), untraced, what)
      const [span] = await recorded.take(2, 20_000)
      assert.equal(span!.tags!['error'], answers[0]![0] ? 'no' : undefined, what)
    }
  })
})

describe('which methods answer nobody', () => {
  for (const flavour of ['js:node', 'js:node,ts', 'js:node,es6']) {
    it(`is read from what the compiler makes: ${flavour}`, async (t) => {
      const { folder, skip } = await generateJs(flavour)
      if (skip) return t.skip(skip)
      // From where it finds npm's thrift.
      const copy = fileURLToPath(new URL(`../../generated/${flavour.replace(':', '-')}`, import.meta.url))
      cpSync(folder, copy, { recursive: true })
      await checkGenerated(require(`${copy}/Service.js`))
    })
  }

  it('is read from what is checked in', () => checkGenerated(Service))

  async function checkGenerated({ Processor }: typeof Service): Promise<void> {
    const methods = Processor.prototype as Record<string, () => void>
    const found = Object.getOwnPropertyNames(methods).filter((name) => name.startsWith('process_'))
    assert.equal(found.length, 8)
    assert.deepEqual(
      found.filter((name) => answersNobody(methods[name]!)),
      ['process_fire'],
    )
    const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const
    const bytes = [message(wire, 'fire', CALL, 1, 'now'), message(wire, 'echo', CALL, 2, 'last')]
    const handler = {
      fire() {},
      echo: (text: string, answered: (error: null, text: string) => void) => answered(null, text),
    }
    const { answer } = await say(wire, Buffer.concat(bytes), () => traced()(new Processor(handler)))
    assert.match(answer, /last/)
    await recorded.take(2, 20_000)
  }

  const written: Record<string, [code: string, nobody: boolean]> = {
    'a minifier’s': [
      'function(e,t,r){var n=new Args;n.read(t),t.readMessageEnd(),this._handler.fire(n.s)}',
      true,
    ],
    'a minifier’s, of what is not used': [
      'function(e,t){var r=new Args;r.read(t),this._handler.fire(r.s)}',
      true,
    ],
    'a minifier’s, with an answer': ['function(e,t,r){this._handler.add().then(()=>{r.flush()})}', false],
    'with a name that the output’s begins': ['function(a, i, out) { i.read(); outer.fire(out_) }', true],
    'an arrow function': ['(seqid, input, output) => { input.readMessageEnd() }', true],
    'a coverage tool’s': [
      'function (seqid, input, output) { cov_1().f[3]++; cov_1().s[4]++; input.read() }',
      true,
    ],
    'a wrapper': ['function () { return original.apply(this, arguments) }', false],
    'a wrapper with names': [
      'function (seqid, input, output) { return original.apply(this, arguments) }',
      false,
    ],
    'a wrapper of all': ['(...args) => { return original(...args) }', false],
    'an arrow without a body': ['(seqid, input, output) => original(seqid, input, output)', false],
    'one with defaults': ['function (seqid, input, output = other) { input.read() }', false],
    'one that waits': ['async function (seqid, input, output) { await input.read() }', false],
  }
  for (const [what, [code, nobody]] of Object.entries(written))
    it(`is ${nobody ? '' : 'not '}read from ${what}`, () => {
      // oxlint-disable-next-line no-eval, typescript/no-implied-eval -- written here
      assert.equal(answersNobody(new Function(`return ${code}`)()), nobody)
    })

  it('is not known of what has no source', () => {
    const silent = function (_seqid: unknown, _input: unknown, _output: unknown) {}
    assert.equal(answersNobody(silent), true)
    assert.equal(answersNobody(silent.bind(undefined)), false)
    assert.equal(answersNobody(new Proxy(silent, {})), false)
  })
})

interface Said {
  readonly answer: string
  readonly errors: string[]
}

/** Sends the bytes to a server and ends; what it answers until it ends the connection, and what it complains of. */
async function say(wire: Wire, bytes: Buffer, wrap?: Wrap, handler?: object): Promise<Said> {
  const server = await startNpmServer(wire, wrap, handler)
  const socket = connect(server.port, '127.0.0.1')
  const came: Buffer[] = []
  socket.on('data', (chunk) => came.push(chunk))
  socket.write(bytes)
  // The last call is answered, or its handler has thrown.
  await Promise.race([once(socket, 'data'), once(socket, 'end')])
  socket.end()
  if (!socket.closed) await once(socket, 'close')
  await server.close()
  return { answer: Buffer.concat(came).toString('latin1'), errors: server.errors.map(String) }
}

/** The bytes of one call. */
function message(wire: Wire, method: string, type: number, seqid: number, text?: string): Buffer {
  const { transport, protocol } = wireOptions(wire)
  const written: Buffer[] = []
  const Transport = transport as new (_: undefined, flushed: (bytes: Buffer) => void) => { flush(): void }
  const trans = new Transport(undefined, (bytes) => written.push(Buffer.from(bytes)))
  // oxlint-disable-next-line typescript/no-explicit-any -- npm's thrift brings no types
  const output = new (protocol as any)(trans)
  output.writeMessageBegin(wire.processor === 'mux' ? `Service:${method}` : method, type, seqid)
  output.writeStructBegin('args')
  if (text !== undefined) {
    output.writeFieldBegin('s', thrift.Thrift.Type.STRING, 1)
    output.writeString(text)
    output.writeFieldEnd()
  }
  output.writeFieldStop()
  output.writeStructEnd()
  output.writeMessageEnd()
  trans.flush()
  return Buffer.concat(written)
}
