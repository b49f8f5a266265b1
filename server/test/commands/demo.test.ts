import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startKafkaBroker } from '../../../test/support/kafka-broker.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly said: { out: string; err: string }
  readonly ended: Promise<number | null>
  /** Resolves when standard output matches. */
  readonly until: (pattern: RegExp) => Promise<RegExpExecArray>
}

function start(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [join(ROOT, 'server/dist/cli.js'), ...args], {
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
  })
  t.after(() => child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk))
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(said.out)
      if (found) return found
      if (child.exitCode !== null) throw new Error(`ended before it said ${pattern}: ${said.out}${said.err}`)
      await Promise.race([once(child.stdout, 'data'), ended])
    }
  }
  return { child, said, ended, until }
}

async function untilGone(url: string): Promise<void> {
  const isThere = (): Promise<boolean> =>
    fetch(url).then(
      () => true,
      () => false,
    )
  while (await isThere());
}

describe('tdist-server demo', () => {
  it('--kafka: a message is in the trace of the request that sent it', async (t) => {
    const broker = await startKafkaBroker()
    if (typeof broker === 'string') {
      assert.ok(!process.env['CI'], broker)
      return t.skip(broker)
    }
    t.after(() => broker.stop())
    const env = { KAFKA_BROKERS: broker.brokers.join() }
    const { said, ended } = start(t, ['demo', '--kafka', '--requests', '1'], env)
    assert.equal(await ended, 0, said.err)
    assert.match(said.out, /4 services · 8 spans\n[^]*kafka send [^]*audience receive [^]*process /)
    assert.doesNotMatch(said.out, /not seen/)
  })

  it('--kafka without a broker is one line that says what to set', async (t) => {
    const { said, ended } = start(t, ['demo', '--kafka'], { KAFKA_BROKERS: '' })
    assert.equal(await ended, 2)
    assert.equal(said.err, 'tdist-server: --kafka needs a broker: set KAFKA_BROKERS to host:port\n')
  })

  it('shows a whole trace for each request it makes, and ends', async (t) => {
    const { said, ended } = start(t, ['demo', '--requests', '3'])
    assert.equal(await ended, 0, said.err)
    assert.match(said.err, /^tdist-server: 3 requests, 3 traces, 29 spans, dropped 0\n$/m)
    assert.equal(said.out.match(/^trace /gm)?.length, 3)
    assert.doesNotMatch(said.out, /not seen/)
    assert.match(said.out, /shop GET \/products\/:id [^]*catalog GET \/items\/:id [^]*pricing Prices\.cents /)
    assert.match(said.out, /pricing ×8 GET \/prices\/:sku, .* total: N\+1/)
    assert.match(
      said.out,
      /2 errors[^]*shop GET \/checkout\/:user 502 [^]*pricing GET \/discounts\/:code 503 /,
    )
  })

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    it(`stays up, shows what it is asked, and leaves nothing behind on ${signal}`, async (t) => {
      const { child, said, ended, until } = start(t, ['demo'])
      const [, url] = await until(/curl (http:\/\/127\.0\.0\.1:\d+)\/products\/7/)
      await until(/shop GET \/checkout\/:user/)
      said.out = ''
      assert.equal((await fetch(`${url}/products/9`)).status, 200)
      await until(/shop GET \/products\/:id/)
      child.kill(signal)
      const code = await ended
      if (signal === 'SIGINT') {
        assert.equal(code, 0, said.err)
        assert.match(said.err, /tdist-server: 4 traces, 34 spans, dropped 0\n$/)
      }
      await untilGone(url!)
    })
  }
})
