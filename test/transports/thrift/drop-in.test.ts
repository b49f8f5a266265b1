import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { startSpanSink } from '../../support/span-sink.ts'

const source = fileURLToPath(new URL('../../../../test/register/thrift-app.mjs', import.meta.url))
const service = fileURLToPath(new URL('../../../../examples/thrift/Prices.js', import.meta.url))
const folder = fileURLToPath(new URL('../../../register-apps/', import.meta.url))
const commonJs = `${folder}thrift-app.cjs`
const register = createRequire(import.meta.url).resolve('tdist/register')

/** What the app says, which is all it does. */
async function run(file: string, flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = {
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1', TDIST_SERVICE_NAME: 'app', ...env },
  }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, file, service], options)
  return stdout + stderr
}

describe('tdist/register with an app that speaks Thrift', () => {
  before(async () => {
    mkdirSync(folder, { recursive: true })
    await build({
      platform: 'node',
      entryPoints: [source],
      format: 'cjs',
      outfile: commonJs,
      logLevel: 'error',
    })
  })

  const both = ['--import', register, '--require', register]
  for (const [name, file] of [
    ['ESM', source],
    ['CommonJS', commonJs],
  ] as const) {
    for (const flags of [['--import', register], ['--require', register], both]) {
      it(`${flags.join(' ').replaceAll(register, '')} traces one that is ${name}, which does what it does untraced`, async () => {
        const untraced = await run(file, [])
        assert.equal(untraced, '[198,396,594]\n')
        const sink = await startSpanSink()
        const traced = await run(file, flags, { TDIST_ZIPKIN_URL: sink.url })
        await sink.close()
        assert.equal(traced, untraced)
        // One call is two spans, by HTTP too: never one of the transport's besides.
        const shapes = sink.spans.map((span) => `${span.kind} ${span.name}`).sort()
        assert.deepEqual(shapes, [
          ...Array(3).fill('CLIENT Prices.cents'),
          ...Array(3).fill('SERVER Prices.cents'),
        ])
        assert.equal(new Set(sink.spans.map(({ id }) => id)).size, 3, 'each server joins its caller')
      })
    }
  }

  /** Counts what is written to sockets: messages with a frame before them, and with the field, and says it at the end. */
  const counting = `
    import net from 'node:net'
    const { write } = net.Socket.prototype
    const seen = { frames: 0, fields: 0 }
    net.Socket.prototype.write = function (bytes, ...more) {
      if (Buffer.isBuffer(bytes)) {
        if (bytes.toString('hex', 0, 3) === 'c15444') seen.frames++
        if (bytes.includes(Buffer.from('0d22b8', 'hex'))) seen.fields++
      }
      return write.call(this, bytes, ...more)
    }
    process.on('exit', () => console.log(JSON.stringify(seen)))`
  const modes = {
    field: { frames: 0, fields: 3, joined: 3 },
    // By HTTP it is the field whatever the mode. Replies have a frame as well.
    prefix: { frames: 4, fields: 1, joined: 3 },
    auto: { frames: 2, fields: 3, joined: 3 },
    off: { frames: 0, fields: 0, joined: 0 },
  }
  for (const [mode, { joined, ...written }] of Object.entries(modes)) {
    it(`TDIST_THRIFT_PROPAGATION=${mode} says how the trace travels`, async () => {
      const sink = await startSpanSink()
      const flags = ['--import', register, '--import', `data:text/javascript,${encodeURIComponent(counting)}`]
      const env = { TDIST_ZIPKIN_URL: sink.url, TDIST_THRIFT_PROPAGATION: mode }
      const said = await run(source, flags, env)
      await sink.close()
      assert.equal(said, `[198,396,594]\n${JSON.stringify(written)}\n`)
      assert.equal(sink.spans.filter(({ shared }) => shared).length, joined)
    })
  }

  it('leaves all as it is when tracing is off', async () => {
    assert.equal(await run(source, ['--import', register], { TDIST_DISABLED: '1' }), '[198,396,594]\n')
  })
})
