import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Kinesis } from '@aws-sdk/client-kinesis'
import { freePorts } from '../../../test/support/free-ports.js'
import { fromStart, texts } from '../local-kinesis/kinesis-under-test.js'

const CLI = fileURLToPath(new URL('../../../../server/dist/cli.js', import.meta.url))

interface Running {
  /** What it says when it is there. */
  readonly line: string
  readonly endpoint: string
  /** The real SDK, as it is when nothing is set but the place. */
  readonly client: Kinesis
  /** Sends a signal; how the command ended. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; err: string }>
}

/** Starts the command and waits until it is there. */
async function start(t: TestContext, ...args: string[]): Promise<Running> {
  const child = spawn(process.execPath, [CLI, 'local-kinesis', ...args])
  t.after(() => child.kill('SIGKILL'))
  const err = textOf(child, 'stderr')
  const closed = once(child, 'close') as Promise<[number | null]>
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const endpoint = /^Kinesis is at (http:\/\/127\.0\.0\.1:\d+)/.exec(String(line))![1]!
  const credentials = { accessKeyId: 'any', secretAccessKey: 'thing' }
  const client = new Kinesis({ endpoint, region: 'us-east-1', credentials })
  t.after(() => client.destroy())
  return {
    line: String(line),
    endpoint,
    client,
    async end(signal) {
      child.kill(signal)
      const [code] = await closed
      return { code, err: err() }
    },
  }
}

function textOf(child: ChildProcessWithoutNullStreams, from: 'stdout' | 'stderr'): () => string {
  let text = ''
  child[from].on('data', (chunk) => (text += chunk))
  return () => text
}

describe('tdist-server local-kinesis', () => {
  it('has the streams that it was given, each with so many shards', async (t) => {
    const given = ['--port', '0', '--stream', 'spans', '--stream', 'more', '--shards', '3']
    const { client, line, endpoint } = await start(t, ...given)
    assert.equal(
      line,
      `Kinesis is at ${endpoint}, with spans, more. A service finds it by TDIST_KINESIS_ENDPOINT=${endpoint}.\n`,
    )
    assert.deepEqual((await client.listStreams({})).StreamNames, ['more', 'spans'])
    for (const StreamName of ['spans', 'more']) {
      const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName })
      assert.equal(StreamDescriptionSummary?.StreamStatus, 'ACTIVE')
      assert.equal((await client.listShards({ StreamName })).Shards?.length, 3)
    }
  })

  it('keeps what is put, on one shard unless told otherwise', async (t) => {
    const { client } = await start(t, '--port', '0', '--stream', 'spans')
    await client.putRecord({ StreamName: 'spans', PartitionKey: 'a', Data: Buffer.from('one') })
    const ShardIterator = await fromStart(client, 'spans')
    assert.deepEqual(texts((await client.getRecords({ ShardIterator })).Records), ['one'])
  })

  it('needs no stream to begin with, and makes one when asked', async (t) => {
    const { client, line, endpoint } = await start(t, '--port', '0')
    assert.match(line, new RegExp(`^Kinesis is at ${endpoint}\\. `))
    assert.deepEqual((await client.listStreams({})).StreamNames, [])
    await client.createStream({ StreamName: 'late', ShardCount: 1 })
    assert.deepEqual((await client.listStreams({})).StreamNames, ['late'])
  })

  it('listens where it was told; a port in use is one line and exit code 2', async (t) => {
    const [port] = await freePorts(1)
    const { endpoint } = await start(t, '--port', String(port))
    assert.equal(endpoint, `http://127.0.0.1:${port}`)

    const second = spawn(process.execPath, [CLI, 'local-kinesis', '--port', String(port)])
    const [out, err] = [textOf(second, 'stdout'), textOf(second, 'stderr')]
    const [code] = (await once(second, 'close')) as [number | null]
    const line = `tdist-server: --port ${port} is in use; give another, or 0 for any free one\n`
    assert.deepEqual({ code, out: out(), err: err() }, { code: 2, out: '', err: line })
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`ends on ${signal} with code 0, whoever is still connected`, async (t) => {
      const running = await start(t, '--port', '0', '--stream', 'spans')
      await running.client.listShards({ StreamName: 'spans' })
      assert.deepEqual(await running.end(signal), { code: 0, err: '' })
      await assert.rejects(running.client.listShards({ StreamName: 'spans' }))
    })
  }
})
