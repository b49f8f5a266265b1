import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Server, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import type { SendError, SpanRecord } from '#src/publisher/senders/sender.js'
import { kinesisSender } from 'tdist/kinesis'
import { assertBalanced, collector, idsOf, newSpan, plainJsonAsProto3, reportMany } from '../support.ts'
import { freePorts } from '../../support/free-ports.ts'

process.env['AWS_ACCESS_KEY_ID'] = 'test'
process.env['AWS_SECRET_ACCESS_KEY'] = 'test'
process.env['AWS_EC2_METADATA_DISABLED'] = 'true'
const region = 'us-east-1'

const record: SpanRecord = { bytes: Buffer.from('[]'), spans: 1 }

interface PutRecords {
  readonly StreamName?: string
  readonly StreamARN?: string
  readonly Records: { readonly Data: string; readonly PartitionKey: string }[]
}

function stub(
  answer: (body: PutRecords, res: ServerResponse, count: number) => unknown,
): ReturnType<typeof collector> {
  const server = collector((res, count) => {
    void server.then(({ bodies }) => {
      const body = JSON.parse(bodies.at(-1)!.toString()) as PutRecords
      const answered = answer(body, res, count)
      if (answered !== undefined) res.end(JSON.stringify(answered))
    })
  })
  return server
}

const originOf = ({ url }: { url: string }): string => new URL(url).origin

const stored = { SequenceNumber: '1', ShardId: 'shardId-000000000000' }

test('publishes through a Kinesis of other make, spread over its shards', async () => {
  const kinesalite = createRequire(import.meta.url)('kinesalite') as (options: object) => Server
  const server = kinesalite({ createStreamMs: 0 })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const client = new KinesisClient({ endpoint, region, requestHandler: new NodeHttpHandler() })
  const stream = { StreamName: 'spans' }
  await client.send(new CreateStreamCommand({ ...stream, ShardCount: 2 }))
  for (let status; status !== 'ACTIVE';) {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand(stream))
    status = StreamDescriptionSummary?.StreamStatus
  }

  const publisher = new ServicePublisher(
    kinesisSender({ streamName: 'spans', endpoint, region }),
    plainJsonAsProto3,
  )
  reportMany(publisher, 10_000)
  await publisher.close(60_000)
  assert.equal(publisher.stats().sent, 10_000)

  const { Shards } = await client.send(new ListShardsCommand(stream))
  const ids: string[] = []
  for (const { ShardId } of Shards!) {
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ ...stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    )
    const { Records } = await client.send(new GetRecordsCommand({ ShardIterator }))
    assert.ok(Records!.length > 0, `${ShardId} is empty`)
    for (const { Data, PartitionKey } of Records!) {
      assert.ok(Data!.byteLength + PartitionKey!.length <= 51_200)
      ids.push(...idsOf([{ bytes: Data!, spans: 0 }]))
    }
  }
  assert.deepEqual(
    ids.sort(),
    Array.from({ length: 10_000 }, (_, i) => newSpan(i).id),
  )
  client.destroy()
  server.close()
})

test('a record that failed goes again, alone and under a new key', async () => {
  const bodies: PutRecords[] = []
  const server = await stub((body, _, count) => {
    bodies.push(body)
    if (count > 1)
      return {
        FailedRecordCount: 0,
        Records: body.Records.map(() => ({ SequenceNumber: '1', ShardId: '1' })),
      }
    return {
      FailedRecordCount: 3,
      Records: [
        { SequenceNumber: '1', ShardId: '1' },
        { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'slow' },
        { ErrorCode: 'InternalFailure', ErrorMessage: 'no' },
        { ErrorCode: 'Other', ErrorMessage: 'never' },
      ],
    }
  })
  const sender = kinesisSender({ streamName: 'spans', endpoint: originOf(server), region })
  assert.deepEqual(await sender.send([record, record, record, record]), [
    'sent',
    'throttled',
    'failed',
    'rejected',
  ])
  assert.equal(await sender.send([record]), undefined)
  await sender.close?.()
  const keys = bodies.flatMap(({ Records }) => Records.map(({ PartitionKey }) => PartitionKey))
  assert.equal(new Set(keys).size, 5)
  assert.equal(server.connections(), 1)
  server.close()
})

describe('an answer that does not tell what became of each record leaves the spans in doubt', () => {
  const answers: Record<string, object> = {
    nothing: {},
    'no results': { FailedRecordCount: 0, Records: [] },
    'fewer results than records': { FailedRecordCount: 0, Records: [stored] },
    'more results than records': { FailedRecordCount: 0, Records: [stored, stored, stored] },
    'results that say nothing': { FailedRecordCount: 0, Records: [{}, stored] },
    'results that are null': { FailedRecordCount: 0, Records: [null, null] },
    'results that are no list': { FailedRecordCount: 0, Records: 'ok' },
    'failures and not which': { FailedRecordCount: 1, Records: [stored, stored] },
    'failures and no results': { FailedRecordCount: 1 },
  }
  for (const [name, answer] of Object.entries(answers)) {
    test(name, async () => {
      const server = await stub(() => answer)
      const sender = kinesisSender({ streamName: 'spans', endpoint: originOf(server), region })
      await assert.rejects(sender.send([record, record]) as Promise<unknown>, (error: SendError) => {
        assert.equal(error.outcome, 'in doubt')
        assert.match(error.message, /^Kinesis stream spans: /)
        return true
      })
      await sender.close?.()
      server.close()
    })
  }

  test('and they are counted so', async () => {
    const server = await stub(() => ({}))
    const publisher = new ServicePublisher(
      kinesisSender({ streamName: 'spans', endpoint: originOf(server), region }),
      plainJsonAsProto3,
      { maxAgeMs: 100 },
    )
    reportMany(publisher, 10)
    await publisher.close(60_000)
    const { sent, inDoubt } = publisher.stats()
    assert.deepEqual([sent, inDoubt], [0, 10])
    server.close()
  })
})

describe('a call that fails as a whole', () => {
  const cases: [number, string, SendError['outcome']][] = [
    [400, 'ResourceNotFoundException', 'failed'],
    [400, 'AccessDeniedException', 'failed'],
    [400, 'ExpiredTokenException', 'failed'],
    [403, 'InvalidSignatureException', 'failed'],
    [400, 'KMSDisabledException', 'failed'],
    [500, 'InternalFailure', 'failed'],
    [503, 'ServiceUnavailable', 'failed'],
    [400, 'ValidationException', 'rejected'],
    [400, 'InvalidArgumentException', 'rejected'],
  ]
  for (const [status, name, outcome] of cases) {
    test(`${name}: ${outcome}`, async () => {
      const server = await stub((_, res) => {
        res.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
        return { __type: name, message: 'because' }
      })
      const sender = kinesisSender({ streamName: 'spans', endpoint: originOf(server), region })
      await assert.rejects(sender.send([record]), (error: SendError) => {
        assert.deepEqual([error.outcome, error.message], [outcome, `Kinesis stream spans: ${name}: because`])
        return true
      })
      assert.equal(server.bodies.length, 1)
      await sender.close?.()
      server.close()
    })
  }

  test('throttled as a whole: every record', async () => {
    const server = await stub((_, res) => {
      res.writeHead(400)
      return { __type: 'ProvisionedThroughputExceededException', message: 'slow' }
    })
    const sender = kinesisSender({
      streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/spans',
      endpoint: originOf(server),
      region,
    })
    assert.deepEqual(await sender.send([record, record]), ['throttled', 'throttled'])
    await sender.close?.()
    server.close()
  })

  test('a reset: in doubt; an absent server: failed', async () => {
    const server = await stub((_, res) => void res.socket?.resetAndDestroy())
    const sender = kinesisSender({ streamName: 'spans', endpoint: originOf(server), region })
    await assert.rejects(sender.send([record]), { outcome: 'in doubt', message: /ECONNRESET|hang up/ })
    await sender.close?.()
    server.close()
    const [port] = await freePorts(1)
    const absent = kinesisSender({ streamName: 'spans', endpoint: `http://127.0.0.1:${port}`, region })
    await assert.rejects(absent.send([record]), { outcome: 'failed', message: /ECONNREFUSED/ })
    await absent.close?.()
  })

  test('a timeout: in doubt; the client passed in is used and left open', async () => {
    const server = await stub(() => undefined)
    const client = new KinesisClient({
      endpoint: originOf(server),
      region,
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ requestTimeout: 50, throwOnRequestTimeout: true }),
    })
    client.destroy = () => assert.fail('closed')
    const sender = kinesisSender({ streamName: 'spans', client })
    await assert.rejects(sender.send([record]), { outcome: 'in doubt' })
    await sender.close?.()
    KinesisClient.prototype.destroy.call(client)
    server.close()
  })
})

test('spans wait for a stream that does not exist yet', async () => {
  const server = await stub((body, res, count) => {
    if (count > 2) return { FailedRecordCount: 0, Records: body.Records.map(() => stored) }
    res.writeHead(400)
    return { __type: 'ResourceNotFoundException', message: 'none' }
  })
  const publisher = new ServicePublisher(
    kinesisSender({ streamName: 'spans', endpoint: originOf(server), region }),
    plainJsonAsProto3,
  )
  reportMany(publisher, 10)
  await publisher.close(60_000)
  assert.equal(publisher.stats().sent, 10)
  assertBalanced(publisher.stats())
  server.close()
})

test('without the SDK one line says what to install', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'tdist-'))
  cpSync(new URL('../../../../dist', import.meta.url), join(elsewhere, 'dist'), { recursive: true })
  writeFileSync(join(elsewhere, 'package.json'), '{ "type": "module" }')
  const program = `
    import { kinesisSender } from './dist/kinesis.js'
    await kinesisSender({ streamName: 'spans' }).send([]).catch((error) => console.log(error.outcome, error.message))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    cwd: elsewhere,
  })
  rmSync(elsewhere, { recursive: true })
  assert.equal(stdout, 'rejected tdist/kinesis needs @aws-sdk/client-kinesis: npm install it\n')
})

test('wrong options are said in one line', () => {
  const message = /needs a streamName or a streamArn, and not both/
  assert.throws(() => kinesisSender({}), message)
  assert.throws(() => kinesisSender({ streamName: 'a', streamArn: 'b' }), message)
})
