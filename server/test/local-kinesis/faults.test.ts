import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Fault, FaultPoint } from '#server/local-kinesis/fault.js'
import { clientFor, http1ClientFor, refusal, start } from './kinesis-under-test.js'

const one = { StreamName: 'spans', PartitionKey: 'k', Data: Buffer.from('a') }

test('an error in place of an answer', async (t) => {
  const { kinesis, client } = await start(t, {
    streams: { spans: 1 },
    fault: ({ at }) => (at === 'request' ? { error: 'InternalFailure' } : undefined),
  })
  await assert.rejects(
    client.putRecord(one),
    (error: { name: string; $metadata: { httpStatusCode: number } }) => {
      assert.equal(error.name, 'InternalFailure')
      assert.equal(error.$metadata.httpStatusCode, 500)
      return true
    },
  )
  assert.equal(kinesis.records('spans').length, 0)
})

test('an error with its own status and words', async (t) => {
  const fault = { error: 'ServiceUnavailable', status: 503, message: 'Not now.' }
  const { client } = await start(t, { streams: { spans: 1 }, fault: () => fault })
  await assert.rejects(client.putRecord(one), refusal('ServiceUnavailable', 'Not now.'))
})

for (const [protocol, connect] of Object.entries({ http1: http1ClientFor, http2: clientFor })) {
  test(`a broken connection, before and after the record was stored, over ${protocol}`, async (t) => {
    let where = ''
    const { kinesis } = await start(t, {
      streams: { spans: 1 },
      fault: ({ at }) => ({ reset: at === where }),
    })
    const client = connect(kinesis.endpoint)
    t.after(() => client.destroy())
    where = 'request'
    await assert.rejects(client.putRecord(one))
    assert.equal(kinesis.records('spans').length, 0)
    where = 'response'
    await assert.rejects(client.putRecord(one))
    assert.equal(kinesis.records('spans').length, 1)
    where = ''
    await client.putRecord(one)
    assert.equal(kinesis.records('spans').length, 2)
  })
}

test('no answer, until the client gives up', async (t) => {
  let hang = true
  const { kinesis } = await start(t, {
    streams: { spans: 1 },
    fault: ({ at }) => ({ hang: hang && at === 'response' }),
  })
  const requestHandler = new NodeHttpHandler({ requestTimeout: 100, throwOnRequestTimeout: true })
  const client = clientFor(kinesis.endpoint, { requestHandler })
  t.after(() => client.destroy())
  await assert.rejects(client.putRecord(one), refusal('TimeoutError'))
  assert.equal(kinesis.records('spans').length, 1)
  hang = false
  await client.putRecord(one)
})

test('a late answer holds up only its own request', async (t) => {
  const { kinesis, client } = await start(t, {
    streams: { spans: 1 },
    fault: ({ at, input }) => (at === 'request' ? { delayMs: Number(input['PartitionKey']) } : undefined),
  })
  const late = assert.rejects(client.putRecord({ ...one, PartitionKey: '600000' }))
  await client.putRecord({ ...one, PartitionKey: '10' })
  assert.equal(kinesis.records('spans').length, 1)
  await kinesis.close()
  await late
})

test('single records of a call', async (t) => {
  const points: FaultPoint[] = []
  const fault = (point: FaultPoint): Fault | undefined => {
    points.push(point)
    if (point.at !== 'record') return undefined
    if (point.index === 1) return { error: 'InternalFailure' }
    if (point.index === 3) return { error: 'ProvisionedThroughputExceededException', message: 'Slowly.' }
    return {}
  }
  const { kinesis, client } = await start(t, { streams: { spans: 1 }, fault })
  const { Records, FailedRecordCount } = await client.putRecords({
    StreamName: 'spans',
    Records: ['a', 'b', 'c', 'd'].map((key) => ({ PartitionKey: key, Data: Buffer.from(key) })),
  })
  assert.equal(FailedRecordCount, 2)
  assert.deepEqual(Records?.[1], { ErrorCode: 'InternalFailure', ErrorMessage: 'Internal service failure.' })
  assert.deepEqual(Records?.[3], {
    ErrorCode: 'ProvisionedThroughputExceededException',
    ErrorMessage: 'Slowly.',
  })
  assert.deepEqual(
    kinesis.records('spans').map(({ partitionKey }) => partitionKey),
    ['a', 'c'],
  )
  assert.deepEqual(
    points.map(({ at, operation }) => `${operation} ${at}`),
    ['request', 'record', 'record', 'record', 'record', 'response'].map((at) => `PutRecords ${at}`),
  )
})
