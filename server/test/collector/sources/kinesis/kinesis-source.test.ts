import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, it, mock, type TestContext } from 'node:test'
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis'
import { KinesisSource, type KinesisSourceOptions } from '#server/collector/sources/kinesis/kinesis-source.js'
import { startLocalKinesis, type LocalKinesis } from '#server/local-kinesis/local-kinesis.js'

type Fault = NonNullable<Parameters<typeof startLocalKinesis>[0]>['fault']

const HALF = '170141183460469231731687303715884105728'

describe('KinesisSource', () => {
  let fault: Fault
  let kinesis: LocalKinesis
  let client: KinesisClient

  beforeEach(async () => {
    fault = undefined
    const streams = { spans: 2, single: 1 }
    kinesis = await startLocalKinesis({
      streams,
      changeMs: 0,
      limits: false,
      fault: (point) => fault?.(point),
    })
    client = newClient(kinesis.endpoint)
  })

  afterEach(async () => {
    mock.restoreAll()
    client.destroy()
    await kinesis.close()
  })

  function newClient(endpoint: string): KinesisClient {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    return new KinesisClient({
      endpoint,
      region: 'us-east-1',
      credentials,
      requestHandler: { requestTimeout: 5000 },
    })
  }

  async function put(StreamName: string, texts: string[], hashKey?: string): Promise<void> {
    const Records = texts.map((text) => ({
      Data: Buffer.from(text),
      PartitionKey: text,
      ...(hashKey ? { ExplicitHashKey: hashKey } : {}),
    }))
    const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }))
    assert.equal(FailedRecordCount, 0)
  }

  /** A source that is stopped when the test ends, what it read, and a way to wait for that. */
  function read(t: TestContext, options: Partial<KinesisSourceOptions> = {}) {
    const texts: string[] = []
    const waiting = new Set<() => void>()
    const stop = new AbortController()
    const streamName = 'spans'
    const source = new KinesisSource(
      { streamName, endpoint: kinesis.endpoint, pollMs: 20, ...options },
      (record) => {
        texts.push(Buffer.from(record).toString())
        for (const check of waiting) check()
      },
    )
    const done = source.run(stop.signal)
    t.after(() => {
      stop.abort()
      return done.catch(() => {})
    })
    const until = (isEnough: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const timer = setInterval(() => check(), 10)
        const check = (): void => {
          if (!isEnough()) return
          waiting.delete(check)
          clearInterval(timer)
          resolve()
        }
        waiting.add(check)
        check()
      })
    return { source, texts, done, stop, until }
  }

  it('reads all that a stream has kept, of every shard, and stops when it is caught up', async (t) => {
    const sent = Array.from({ length: 40 }, (_, i) => `record ${i}`)
    await put('spans', sent)
    const { source, texts, done } = read(t, { once: true })
    await done
    assert.deepEqual(texts.sort(), sent.sort())
    const { shards, records, bytes, throttled } = source.stats()
    assert.deepEqual({ shards, records, throttled }, { shards: 0, records: 40, throttled: 0 })
    assert.equal(bytes, sent.join('').length)
  })

  it('reads on as records come, until told to stop', async (t) => {
    const { source, texts, stop, done, until } = read(t)
    await until(() => source.stats().behindMs === 0)
    assert.equal(source.stats().shards, 2)
    await put('spans', ['a', 'b', 'c'])
    await until(() => texts.length === 3)
    stop.abort()
    await done
    assert.equal(source.stats().shards, 0)
  })

  it('begins at the latest', async (t) => {
    await put('spans', ['old', 'older'])
    const { source, texts, until } = read(t, { from: 'latest' })
    await until(() => source.stats().behindMs === 0)
    await put('spans', ['new'])
    await until(() => texts.length > 0)
    assert.deepEqual(texts, ['new'])
  })

  it('begins at a time', async (t) => {
    await put('single', ['old'])
    const arrivedAt = kinesis.records('single')[0]!.arrivedAt
    while (Date.now() <= arrivedAt) await new Promise(setImmediate)
    await put('single', ['new'])
    const from = new Date(arrivedAt + 1)
    const { done, texts } = read(t, { streamName: 'single', from, once: true })
    await done
    assert.deepEqual(texts, ['new'])
  })

  it('follows a stream through splits and merges, parents before children', async (t) => {
    const { source, texts, until } = read(t, { streamName: 'single' })
    await until(() => source.stats().behindMs === 0)
    await reshard()
    await until(() => texts.length === 6)
    assert.deepEqual(texts, ['1', '2', '3', '4', '5', '6'])
  })

  it('reads what a stream kept through splits and merges in the order it was written', async (t) => {
    await reshard()
    const { done, texts } = read(t, { streamName: 'single', once: true })
    await done
    assert.deepEqual(texts, ['1', '2', '3', '4', '5', '6'])
  })

  it('reads only the open shards from the latest on', async (t) => {
    await reshard()
    const { source, texts, until } = read(t, { streamName: 'single', from: 'latest' })
    await until(() => source.stats().behindMs === 0)
    assert.equal(source.stats().shards, 1)
    await put('single', ['7'])
    await until(() => texts.length > 0)
    assert.deepEqual(texts, ['7'])
  })

  /** Two records before a split, two in one of its halves, two after the halves are merged again. */
  async function reshard(): Promise<void> {
    const StreamName = 'single'
    const openShards = async (): Promise<string[]> => {
      const { Shards } = await client.send(new ListShardsCommand({ StreamName }))
      const open = Shards!.filter(({ SequenceNumberRange }) => !SequenceNumberRange!.EndingSequenceNumber)
      return open.map(({ ShardId }) => ShardId!)
    }
    await put(StreamName, ['1', '2'], '1')
    const [first] = await openShards()
    await client.send(new SplitShardCommand({ StreamName, ShardToSplit: first, NewStartingHashKey: HALF }))
    await put(StreamName, ['3', '4'], '1')
    const [left, right] = await openShards()
    await client.send(new MergeShardsCommand({ StreamName, ShardToMerge: left, AdjacentShardToMerge: right }))
    await put(StreamName, ['5', '6'], '1')
  }

  const passing: [string, string][] = [
    ['is throttled', 'ProvisionedThroughputExceededException'],
    ['has an iterator that expired', 'ExpiredIteratorException'],
    ['gets an error of the service', 'InternalFailure'],
  ]
  for (const [what, error] of passing) {
    it(`loses and repeats nothing when it ${what}`, async (t) => {
      mock.method(process.stderr, 'write', () => true)
      let calls = 0
      fault = ({ at, operation }) =>
        at === 'request' && operation === 'GetRecords' && ++calls <= 4 && calls % 2 === 0
          ? { error }
          : undefined
      const { source, texts, until } = read(t, { streamName: 'single', from: 'latest' })
      await until(() => source.stats().behindMs === 0)
      for (const text of ['a', 'b', 'c']) {
        await put('single', [text])
        await until(() => texts.includes(text))
      }
      await until(() => calls >= 5)
      assert.deepEqual(texts, ['a', 'b', 'c'])
      assert.equal(source.stats().throttled, error.startsWith('Provisioned') ? 2 : 0)
    })
  }

  it('loses nothing when its connections break', async (t) => {
    mock.method(process.stderr, 'write', () => true)
    let calls = 0
    fault = ({ at, operation }) =>
      at === 'response' && operation === 'GetRecords' && ++calls <= 3 ? { reset: true } : undefined
    const { texts, until } = read(t, { streamName: 'single' })
    await until(() => calls >= 1)
    await put('single', ['a', 'b'])
    await until(() => texts.length === 2)
    assert.deepEqual(texts, ['a', 'b'])
  })

  it('asks a shard no more than five times a second', async (t) => {
    const start = performance.now()
    const { texts, until } = read(t, { streamName: 'single', pollMs: 0 })
    for (let i = 0; i < 3; i++) {
      await put('single', [`${i}`])
      await until(() => texts.length === i + 1)
    }
    const calls = kinesis.inspect().calls['GetRecords']!
    assert.ok(calls <= 1 + (performance.now() - start) / 200, `${calls} calls`)
  })

  it('waits for what takes a record before it reads on', async (t) => {
    await put('single', ['a', 'b'])
    const stop = new AbortController()
    let free: () => void = () => {}
    let taken = 0
    const options = { streamName: 'single', endpoint: kinesis.endpoint, once: true }
    const first = withResolvers()
    const source = new KinesisSource(options, () => {
      taken++
      first.resolve(undefined)
      return new Promise<void>((resolve) => (free = resolve))
    })
    const done = source.run(stop.signal)
    t.after(() => stop.abort())
    await first.promise
    await new Promise(setImmediate)
    assert.equal(taken, 1)
    free()
    await new Promise(setImmediate)
    assert.equal(taken, 2)
    free()
    await done
  })

  it('waits for a stream that is not there, then reads it from its beginning', async (t) => {
    const notes: string[] = []
    const options = {
      streamName: 'later',
      from: 'latest' as const,
      onNote: (line: string) => notes.push(line),
    }
    const { texts, until } = read(t, options)
    await until(() => notes.length === 1)
    assert.equal(notes[0], `there is no stream later at ${kinesis.endpoint}; waiting for it`)
    await client.send(new CreateStreamCommand({ StreamName: 'later', ShardCount: 1 }))
    await put('later', ['first'])
    await until(() => texts.length === 1)
    assert.equal(notes[1], `stream later at ${kinesis.endpoint} is there`)
  })

  it('reads a stream that was deleted and made again', async (t) => {
    await put('single', ['a'])
    const { texts, until } = read(t, { streamName: 'single' })
    await until(() => texts.length === 1)
    await client.send(new DeleteStreamCommand({ StreamName: 'single' }))
    await client.send(new CreateStreamCommand({ StreamName: 'single', ShardCount: 1 }))
    await put('single', ['b'])
    await until(() => texts.length === 2)
    assert.deepEqual(texts, ['a', 'b'])
  })

  it('fails in one line, where it is not to wait, on what is not there', async (t) => {
    const { done } = read(t, { streamName: 'none', wait: false })
    await assert.rejects(done, { message: `there is no stream none at ${kinesis.endpoint}` })
    const gone = read(t, { endpoint: 'http://127.0.0.1:1', wait: false })
    await assert.rejects(
      gone.done,
      /^Error: cannot reach stream spans at http:\/\/127.0.0.1:1: .*ECONNREFUSED.*$/,
    )
  })

  for (const [name, begin] of Object.entries({
    'that never begins': () => {},
    'that begins and never ends': (res: ServerResponse) => {
      res.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'content-length': 100 }).write('{')
    },
  })) {
    it(`gives up an answer ${name}`, async (t) => {
      const server = createServer((req, res) => void req.resume().on('end', () => begin(res)))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => {
        server.closeAllConnections()
        server.close()
      })
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const { done } = read(t, { endpoint, wait: false })
      await assert.rejects(done, /^Error: cannot reach stream spans at .*: TimeoutError: .*$/)
    })
  }

  for (const operation of ['ListShards', 'GetShardIterator', 'GetRecords']) {
    it(`fails in one line when it may not ${operation}`, async (t) => {
      fault = (point) =>
        point.at === 'request' && point.operation === operation
          ? { error: 'AccessDeniedException', message: 'not for you' }
          : undefined
      const { done } = read(t)
      await assert.rejects(done, /^Error: cannot read stream spans.*: AccessDeniedException: not for you$/)
    })
  }

  it('reads kinesalite, which is not ours, too', async (t) => {
    const kinesalite = createRequire(import.meta.url)('kinesalite') as (options: object) => Server
    const server = kinesalite({ createStreamMs: 0, updateStreamMs: 0 })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    client.destroy()
    const { NodeHttpHandler } = await import('@smithy/node-http-handler')
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const requestHandler = new NodeHttpHandler({})
    client = new KinesisClient({ endpoint, region: 'us-east-1', credentials, requestHandler })

    const { texts, until } = read(t, { streamName: 'single', endpoint })
    await client.send(new CreateStreamCommand({ StreamName: 'single', ShardCount: 1 }))
    let isActive = false
    while (!isActive)
      isActive = await put('single', ['0']).then(
        () => true,
        () => false,
      )
    await until(() => texts.length === 1)
    await reshardable()
    await until(() => texts.length === 3)
    assert.deepEqual(texts, ['0', '1', '2'])

    async function reshardable(): Promise<void> {
      const { Shards } = await client.send(new ListShardsCommand({ StreamName: 'single' }))
      const ShardToSplit = Shards![0]!.ShardId
      await client.send(
        new SplitShardCommand({ StreamName: 'single', ShardToSplit, NewStartingHashKey: HALF }),
      )
      const isSplit = async (): Promise<boolean> => {
        const listed = await client.send(new ListShardsCommand({ StreamName: 'single' }))
        return listed.Shards!.length === 3
      }
      while (!(await isSplit()));
      await put('single', ['1', '2'], '1')
    }
  })
})

function withResolvers(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => {}
  const promise = new Promise((r) => (resolve = r))
  return { promise, resolve }
}
