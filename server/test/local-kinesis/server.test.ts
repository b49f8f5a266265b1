import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startLocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import { clientFor, http1ClientFor, refusal, start, texts, fromStart } from './kinesis-under-test.js'

const handlers = {
  'the default handler': (endpoint: string) => clientFor(endpoint),
  'a pooled HTTP/2 handler': (endpoint: string) =>
    clientFor(endpoint, { requestHandler: { requestTimeout: 5000 } }),
  'the HTTP/1.1 handler': http1ClientFor,
}

for (const [name, connect] of Object.entries(handlers)) {
  test(`the SDK writes and reads through ${name}`, async (t) => {
    const { kinesis } = await start(t, { streams: { spans: 1 } })
    const client = connect(kinesis.endpoint)
    t.after(() => client.destroy())

    const data = 'x'.repeat(300_000)
    await client.putRecord({ StreamName: 'spans', PartitionKey: 'k', Data: Buffer.from(data) })
    const { Records } = await client.getRecords({ ShardIterator: await fromStart(client, 'spans') })
    assert.deepEqual(texts(Records), [data])
    await assert.rejects(client.describeStream({ StreamName: 'none' }), refusal('ResourceNotFoundException'))
  })
}

test('both protocols are served on one port at the same time', async (t) => {
  const { kinesis, client } = await start(t, { streams: { spans: 1 } })
  const http2Client = clientFor(kinesis.endpoint)
  t.after(() => http2Client.destroy())
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => (i % 2 ? client : http2Client).listShards({ StreamName: 'spans' })),
  )
  const { connections, calls } = kinesis.inspect()
  assert.equal(calls['ListShards'], 20)
  assert.ok(connections.http1 > 0 && connections.http2 > 0)
})

test('an error has its type in the body and in a header', async (t) => {
  const { kinesis } = await start(t)
  const { status, headers, body } = await post(kinesis.port, 'DescribeStream', '{"StreamName":"none"}')
  assert.equal(status, 400)
  assert.equal(headers['content-type'], 'application/x-amz-json-1.1')
  assert.equal(headers['x-amzn-errortype'], 'ResourceNotFoundException')
  assert.match(String(headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/)
  assert.deepEqual(JSON.parse(body), {
    __type: 'ResourceNotFoundException',
    message: 'Stream none under account 000000000000 not found.',
  })
})

const bad: Record<
  string,
  { type: string; status?: number; target?: string; body?: string; headers?: object }
> = {
  'no JSON': { type: 'SerializationException', body: '{' },
  'JSON that is no object': { type: 'SerializationException', body: '[]' },
  'a member of another type': { type: 'SerializationException', body: '{"StreamName":3}' },
  'an unknown operation': { type: 'UnknownOperationException', target: 'Kinesis_20131202.Dance' },
  'the name of something every object has': {
    type: 'UnknownOperationException',
    target: 'Kinesis_20131202.constructor',
  },
  'another service': { type: 'UnknownOperationException', target: 'DynamoDB_20120810.PutItem' },
  CBOR: { type: 'SerializationException', headers: { 'content-type': 'application/x-amz-cbor-1.1' } },
  'no signature at all': { type: 'MissingAuthenticationTokenException', headers: { authorization: '' } },
  'a missing member': { type: 'ValidationException', target: 'Kinesis_20131202.CreateStream', body: '{}' },
  'more than any call may hold': {
    type: 'RequestEntityTooLargeException',
    status: 413,
    body: 'x'.repeat(23 << 20),
  },
}

for (const [name, { type, status = 400, target, body, headers }] of Object.entries(bad)) {
  test(`refuses ${name}`, async (t) => {
    const { kinesis } = await start(t)
    const answer = await post(kinesis.port, target ?? 'DescribeStream', body ?? '{}', headers)
    assert.equal(answer.status, status)
    assert.equal(JSON.parse(answer.body).__type, type)
  })
}

test('says which members are wrong, and how, in AWS’s words', async (t) => {
  const { client } = await start(t)
  await assert.rejects(
    client.createStream({ StreamName: 'no spaces', ShardCount: 0 }),
    refusal(
      'ValidationException',
      "2 validation errors detected: Value 'no spaces' at 'streamName' failed to satisfy constraint: " +
        'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; ' +
        "Value '0' at 'shardCount' failed to satisfy constraint: " +
        'Member must have value greater than or equal to 1',
    ),
  )
  await assert.rejects(
    client.putRecords({ StreamName: 's', Records: [{ Data: new Uint8Array(1), PartitionKey: '' }] }),
    refusal('ValidationException', /Value '' at 'records\.1\.member\.partitionKey' failed/),
  )
})

test('a null member counts as left out', async (t) => {
  const { kinesis } = await start(t, { streams: { spans: 1 } })
  const entry = { Data: 'YQ==', PartitionKey: 'k', ExplicitHashKey: null }
  const body = JSON.stringify({ StreamName: 'spans', StreamARN: null, Records: [entry] })
  const answer = await post(kinesis.port, 'PutRecords', body)
  assert.equal(JSON.parse(answer.body).FailedRecordCount, 0)
})

test('refuses a dry run rather than do it', async (t) => {
  const { kinesis, client } = await start(t, { streams: { spans: 1 } })
  const put = { StreamName: 'spans', PartitionKey: 'k', Data: new Uint8Array(1), DryRun: true }
  await assert.rejects(client.putRecord(put), refusal('InvalidArgumentException', /DryRun/))
  assert.equal(kinesis.records('spans').length, 0)
})

test('noise on the line and clients that leave in the middle do no harm', async (t) => {
  const { kinesis, client } = await start(t, { streams: { spans: 1 }, fault: () => ({ delayMs: 1 }) })
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
  const noise = [
    '\x16\x03\x01\x02',
    'P',
    'PRI nothing',
    `${preface}garbage that is no frame`,
    'POST / HTTP/1.1\r\n',
  ]
  for (const text of noise) {
    const socket = net.connect(kinesis.port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    await new Promise((resolve) => socket.write(text, resolve))
    socket.destroy()
  }
  for (const leaving of [clientFor(kinesis.endpoint), http1ClientFor(kinesis.endpoint)]) {
    for (const Data of [Buffer.alloc(10), Buffer.alloc(900_000)]) {
      const abort = new AbortController()
      const put = leaving.putRecord(
        { StreamName: 'spans', PartitionKey: 'k', Data },
        { abortSignal: abort.signal },
      )
      setImmediate(() => abort.abort())
      await put.catch(() => {})
    }
    leaving.destroy()
  }
  await client.listShards({ StreamName: 'spans' })
})

test('close ends open connections, idle and busy ones', async () => {
  const kinesis = await startLocalKinesis({ streams: { spans: 1 }, fault: () => ({ hang: true }) })
  const idle = net.connect(kinesis.port, '127.0.0.1')
  await once(idle, 'connect')
  const clients = [clientFor(kinesis.endpoint), http1ClientFor(kinesis.endpoint)]
  const busy = clients.map((client) => assert.rejects(client.listShards({ StreamName: 'spans' })))
  while ((kinesis.inspect().calls['ListShards'] ?? 0) < 2) await new Promise(setImmediate)

  idle.on('error', () => {})
  const idleClosed = once(idle, 'close')
  await kinesis.close()
  await Promise.all([idleClosed, ...busy])
  for (const client of clients) client.destroy()
})

test('a process that closes it ends by itself, with a client still open', async () => {
  const script = `
    import { startLocalKinesis } from ${JSON.stringify(import.meta.resolve('#server/local-kinesis/local-kinesis.js'))}
    import { connect } from 'node:net'
    const kinesis = await startLocalKinesis({ streams: { a: 1 }, changeMs: 60_000 })
    const socket = connect(kinesis.port, '127.0.0.1').on('error', () => {})
    await new Promise((resolve) => socket.once('connect', resolve))
    await kinesis.close()
    console.log('closed')`
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 })
  assert.equal(stdout, 'closed\n')
})

test('listens on loopback unless told otherwise', async (t) => {
  const { kinesis } = await start(t)
  assert.equal(kinesis.endpoint, `http://127.0.0.1:${kinesis.port}`)
})

const hosts: Record<string, 'answers' | 'refuses'> = {
  '127.0.0.1': 'answers',
  'localhost:4567': 'answers',
  'kinesis.localhost': 'answers',
  'LOCALHOST.': 'answers',
  '[::1]:4567': 'answers',
  '192.168.7.9:4567': 'answers',
  'kinesis:4567': 'answers',
  'evil.example': 'refuses',
  'evil.example:4567': 'refuses',
  '127.0.0.1.evil.example': 'refuses',
  'localhost.evil.example': 'refuses',
}
for (const [host, does] of Object.entries(hosts)) {
  test(`${does} a request that names ${host}`, async (t) => {
    const { kinesis, client } = await start(t, { streams: { spans: 1 } })
    const answer = await post(kinesis.port, 'DeleteStream', '{"StreamName":"spans"}', { host })
    assert.equal(answer.status, does === 'answers' ? 200 : 403)
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: 'spans' })
    assert.equal(StreamDescriptionSummary?.StreamStatus, does === 'answers' ? 'DELETING' : 'ACTIVE')
  })
}

test('refuses a name that is not its own over HTTP/2 too', async (t) => {
  const { kinesis } = await start(t)
  const session = http2.connect(kinesis.endpoint)
  t.after(() => session.close())
  const statusAs = async (authority: string): Promise<unknown> => {
    const request = session.request({
      ':method': 'POST',
      ':authority': authority,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'Kinesis_20131202.ListStreams',
      authorization: 'AWS4-HMAC-SHA256 any',
    })
    request.end('{}')
    const [headers] = (await once(request, 'response')) as [http2.IncomingHttpHeaders]
    request.resume()
    return headers[':status']
  }
  assert.equal(await statusAs('evil.example'), 403)
  assert.equal(await statusAs('127.0.0.1'), 200)
})

test('wrong options are one clear line', async () => {
  const wrong: [object, RegExp][] = [
    [{ streams: { 'a b': 1 } }, /'a b' is no name for a stream/],
    [{ streams: { a: 0 } }, /'a' needs a whole number of shards/],
    [{ limits: { recordBites: 1 } }, /no limit called 'recordBites'/],
    [{ limits: { recordBytes: -1 } }, /limits\.recordBytes must be a number above 0/],
  ]
  for (const [options, message] of wrong) await assert.rejects(startLocalKinesis(options), { message })
})

test('a port that is taken is an error', async (t) => {
  const { kinesis } = await start(t)
  await assert.rejects(startLocalKinesis({ port: kinesis.port }), { code: 'EADDRINUSE' })
})

async function post(
  port: number,
  target: string,
  body: string,
  headers: object = {},
): Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; body: string }> {
  const request = http.request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': target.includes('.') ? target : `Kinesis_20131202.${target}`,
      authorization: 'AWS4-HMAC-SHA256 any',
      ...headers,
    },
  })
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, headers: response.headers, body: text }
}
