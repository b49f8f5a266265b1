import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import kafkajs, { type Kafka } from 'kafkajs'
import { decodeProto3, proto3Encoder } from '#src/codec/proto3.js'
import { ServicePublisher } from '#src/publisher/service-publisher.js'
import type { SendError, SpanRecord } from '#src/publisher/senders/sender.js'
import { kafkaSender, type KafkaSenderOptions } from 'tdist/kafkajs'
import { freePorts } from '../../support/free-ports.ts'
import { createTopic, plainKafka, readTopic, startKafkaBroker, untilLed } from '../../support/kafka-broker.ts'
import { assertBalanced, idsOf, newSpan, plainJson, reportMany } from '../support.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const record: SpanRecord = { bytes: Buffer.from('[]'), spans: 1 }
const run = promisify(execFile)

describe('a real Kafka broker', async () => {
  // So long a broker that was killed is not taken for another one when it comes back.
  const broker = await startKafkaBroker({
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 200,
  })
  if (typeof broker === 'string') {
    it('takes spans', { skip: process.env['CI'] ? false : broker }, () => assert.fail(broker))
    return
  }
  after(() => broker.stop())
  const { brokers, own } = broker
  const notOurs = own === undefined && 'the broker is not ours to stop'
  /** Topics of their own, should the broker be one that stays. */
  const topicOf = (name: string): string => `tdist-${name}-${process.pid}-${Date.now()}`

  it('has every span, in lists as Zipkin reads them', async () => {
    const topic = topicOf('spans')
    await createTopic(brokers, topic, { partitions: 3 })
    const publisher = new ServicePublisher(kafkaSender({ brokers, topic }), proto3Encoder)
    const spans = Array.from({ length: 5000 }, (_, i) =>
      newSpan(i + 1, { tags: { 'http.path': `/größe/${i}` } }),
    )
    for (const span of spans) publisher.report(span)
    await publisher.close(60_000)
    const stats = publisher.stats()
    assert.equal(stats.sent, 5000)
    assert.equal(stats.possibleDuplicates, 0)
    assertBalanced(stats)

    const messages = await readTopic(brokers, topic)
    assert.ok(messages.length > 5)
    assert.ok(messages.every(({ key, value }) => key === null && value!.length <= 51_200))
    assert.ok(new Set(messages.map(({ partition }) => partition)).size > 1, 'all on one partition')
    const received = messages
      .flatMap(({ value }) => decodeProto3(value!))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    assert.deepEqual(structuredClone(received), spans)
  })

  it('has a trace in one partition, with partition: trace', async () => {
    const topic = topicOf('traces')
    await createTopic(brokers, topic, { partitions: 5 })
    const publisher = new ServicePublisher(kafkaSender({ brokers, topic, encoding: 'json' }), plainJson, {
      partition: 'trace',
    })
    reportMany(publisher, 1000)
    await publisher.close(60_000)
    assert.equal(publisher.stats().sent, 1000)
    const partitionOf = new Map<string, number>()
    for (const { key, partition } of await readTopic(brokers, topic)) {
      assert.equal(partitionOf.get(key!.toString()) ?? partition, partition)
      partitionOf.set(key!.toString(), partition)
    }
    assert.ok(new Set(partitionOf.values()).size > 1, 'all on one partition')
  })

  it('is found behind brokers that are away', async () => {
    const topic = topicOf('failover')
    await createTopic(brokers, topic)
    const [away, gone] = await freePorts(2)
    const sender = kafkaSender({ brokers: [`127.0.0.1:${away}`, `127.0.0.1:${gone}`, ...brokers], topic })
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await sender.send([record]), ['sent'])
      await sender.close?.()
    }
    assert.equal((await readTopic(brokers, topic)).length, 3)
  })

  it('is reached over TLS with a password', { skip: notOurs }, async () => {
    const topic = topicOf('secure')
    await createTopic(brokers, topic)
    const secure = (password: string): KafkaSenderOptions => ({
      brokers: broker.secureBrokers!,
      topic,
      ssl: { ca: readFileSync(join(root, 'test/support/localhost.pem')) },
      sasl: { mechanism: 'plain', username: 'tdist', password },
    })
    const sender = kafkaSender(secure('secret'))
    assert.deepEqual(await sender.send([record]), ['sent'])
    await sender.close?.()
    const wrong = kafkaSender(secure('guessed'))
    await assert.rejects(wrong.send([record]), { outcome: 'failed', message: /Authentication failed/ })
    const untrusting = kafkaSender({ ...secure('secret'), ssl: true })
    await assert.rejects(untrusting.send([record]), { outcome: 'failed', message: /certificate/ })
    assert.equal((await readTopic(brokers, topic)).length, 1)
  })

  it('rejects a message that is too large, and takes it compressed', async () => {
    const topic = topicOf('small')
    await createTopic(brokers, topic, { config: { 'max.message.bytes': '2000' } })
    const large: SpanRecord = {
      bytes: Buffer.from(JSON.stringify([newSpan(1, { name: 'x'.repeat(5000) })])),
      spans: 1,
    }
    const sender = kafkaSender({ brokers, topic })
    await assert.rejects(sender.send([large]), {
      outcome: 'rejected',
      message: /^Kafka topic .*: MESSAGE_TOO_LARGE: /,
    })
    assert.deepEqual(await sender.send([record]), ['sent'])
    await sender.close?.()
    const compressing = kafkaSender({ brokers, topic, gzip: true })
    assert.deepEqual(await compressing.send([large]), ['sent'])
    await compressing.close?.()
    assert.deepEqual(
      (await readTopic(brokers, topic)).map(({ value }) => value!.toString()),
      [record, large].map(({ bytes }) => bytes.toString()),
    )
  })

  it('keeps spans waiting for a topic that does not exist yet', { skip: notOurs }, async () => {
    const topic = topicOf('late')
    const sender = kafkaSender({ brokers, topic, encoding: 'json' })
    await assert.rejects(sender.send([record]), { outcome: 'failed', message: /UNKNOWN_TOPIC_OR_PARTITION/ })
    const publisher = new ServicePublisher(sender, plainJson)
    reportMany(publisher, 10)
    const closed = publisher.close(60_000)
    await createTopic(brokers, topic)
    await closed
    assert.equal(publisher.stats().sent, 10)
    assert.equal(publisher.stats().possibleDuplicates, 0)
    const messages = await readTopic(brokers, topic)
    assert.deepEqual(
      messages.flatMap(({ value }) => idsOf([{ bytes: value!, spans: 0 }])),
      Array.from({ length: 10 }, (_, i) => newSpan(i).id),
    )
  })

  it('that hangs, or dies with a message in flight, leaves it in doubt', { skip: notOurs }, async (t) => {
    t.after(() => own!.resume())
    const topic = topicOf('hang')
    await createTopic(brokers, topic)
    const sender = kafkaSender({ brokers, topic, idleMs: 60_000, timeoutMs: 1000 })
    await sender.send([record])
    await own!.pause()
    await assert.rejects(sender.send([record]), { outcome: 'in doubt', message: /no answer within 1000 ms/ })
    await assert.rejects(sender.send([record]), {
      outcome: 'failed',
      message: /no connection within 1000 ms/,
    })
    own!.resume()
    await untilLed(brokers, topic)
    assert.deepEqual(await sender.send([record]), ['sent'])

    await own!.pause()
    const dying = assert.rejects(sender.send([record]), {
      outcome: 'in doubt',
      message: /the connection to 127\.0\.0\.1:\d+ was lost$/,
    })
    // Written in this turn of the loop or the next.
    await new Promise((resolve) => setImmediate(resolve))
    await own!.kill()
    await dying
    await assert.rejects(sender.send([record]), { outcome: 'failed', message: /ECONNREFUSED/ })
    await own!.start()
    const publisher = new ServicePublisher(sender, proto3Encoder)
    publisher.report(newSpan(1))
    await publisher.close(60_000)
    assert.equal(publisher.stats().sent, 1)
  })

  it('TDIST_SENDER=kafka is all a service needs, and it ends by itself', async () => {
    await createTopic(brokers, 'zipkin')
    const before = (await readTopic(brokers, 'zipkin')).length
    await ends(
      `import http from 'node:http'
       const server = http.createServer((req, res) => res.end('ok')).listen(0, '127.0.0.1', async () => {
         await (await fetch('http://127.0.0.1:' + server.address().port)).text()
         server.close()
       })`,
      { TDIST_SERVICE_NAME: 'shop', TDIST_SENDER: 'kafka', TDIST_KAFKA_BROKERS: brokers.join(', ') },
      ['--import', 'tdist/register'],
    )
    const messages = (await readTopic(brokers, 'zipkin')).slice(before)
    const spans = messages.flatMap(({ value }) => decodeProto3(value!))
    assert.deepEqual(new Set(spans.map(({ kind }) => kind)), new Set(['CLIENT', 'SERVER']))
    assert.equal(spans.length, 2)
    assert.ok(spans.every(({ localEndpoint }) => localEndpoint?.serviceName === 'shop'))
  })

  it('is reached with a client of the user, and the process ends by itself', async () => {
    const topic = topicOf('client')
    await createTopic(brokers, topic)
    await ends(
      `import { Kafka } from 'kafkajs'
       import { createTracing } from 'tdist'
       import { kafkaSender } from 'tdist/kafkajs'
       const kafka = new Kafka({ brokers: ${JSON.stringify(brokers)}, logLevel: 2 })
       const tracing = createTracing({ serviceName: 'shop', sender: kafkaSender({ kafka, topic: '${topic}' }) })
       tracing.tracer.trace('work', () => {})`,
    )
    const [message] = await readTopic(brokers, topic)
    assert.deepEqual(
      decodeProto3(message!.value!).map(({ name }) => name),
      ['work'],
    )
  })

  it('needs a topic that is one', async () => {
    const sender = kafkaSender({ kafka: plainKafka(brokers), topic: '..' })
    await assert.rejects(sender.send([record]), { outcome: 'rejected', message: /INVALID_TOPIC_EXCEPTION/ })
    await sender.close?.()
  })
})

test('a broker that is away: failed, in a line that names it; the process is not held', async () => {
  const [port] = await freePorts(1)
  const sender = kafkaSender({ brokers: [`127.0.0.1:${port}`] })
  const message = new RegExp(`^Kafka topic zipkin: .*ECONNREFUSED 127.0.0.1:${port}`)
  await assert.rejects(sender.send([record]), { outcome: 'failed', message })
  await sender.close?.()

  const { stderr } = await ends(
    `import { createTracing } from 'tdist'
     createTracing({ serviceName: 'shop' }).tracer.trace('work', () => {})`,
    { TDIST_KAFKA_BROKERS: `127.0.0.1:${port}` },
  )
  const lines = stderr.trim().split('\n')
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('tdist: ')),
    [],
  )
  assert.match(stderr, /1 span was not sent before the process ended/)
})

describe('what brokers answer', () => {
  const cases: [string, boolean, SendError['outcome']][] = [
    ['MESSAGE_TOO_LARGE', false, 'rejected'],
    ['TOPIC_AUTHORIZATION_FAILED', false, 'rejected'],
    ['INVALID_RECORD', false, 'rejected'],
    ['UNKNOWN_TOPIC_OR_PARTITION', true, 'failed'],
    ['NOT_LEADER_FOR_PARTITION', true, 'failed'],
    ['NOT_ENOUGH_REPLICAS', true, 'failed'],
    ['UNKNOWN', false, 'failed'],
    ['REQUEST_TIMED_OUT', true, 'in doubt'],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', true, 'in doubt'],
  ]
  for (const [type, retriable, outcome] of cases) {
    test(`${type}: ${outcome}`, async () => {
      const answer = new kafkajs.KafkaJSProtocolError(
        Object.assign(new Error('because'), { type, code: 1, retriable }) as never,
      )
      const sender = kafkaSender({ kafka: clientThat(answer) })
      const message = `Kafka topic zipkin: ${type}: because`
      await assert.rejects(sender.send([record]), { name: 'SendError', outcome, message })
      await sender.close?.()
    })
  }
})

test('an answer that names no partition, or several, leaves the message in doubt', async () => {
  for (const answer of [[], undefined, {}, [{ partition: 0 }, { partition: 1 }]]) {
    const producer = { connect: async () => {}, disconnect: async () => {}, send: async () => answer }
    const sender = kafkaSender({ kafka: { producer: () => producer } as unknown as Kafka })
    await assert.rejects(sender.send([record]), { name: 'SendError', outcome: 'in doubt' })
    await sender.close?.()
  }
})

test('without kafkajs one line says what to install', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'tdist-'))
  cpSync(join(root, 'dist'), join(elsewhere, 'dist'), { recursive: true })
  writeFileSync(join(elsewhere, 'package.json'), '{ "type": "module" }')
  const program = `
    import { kafkaSender } from './dist/kafkajs.js'
    await kafkaSender({ brokers: ['127.0.0.1:9092'] }).send([{}]).catch((error) => console.log(error.outcome, error.message))
  `
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: elsewhere })
  rmSync(elsewhere, { recursive: true })
  assert.equal(stdout, 'rejected tdist/kafkajs needs kafkajs: npm install it\n')
})

test('wrong options are said in one line', () => {
  const cases: [object, RegExp][] = [
    [{}, /needs brokers, a list of host:port, or a kafka of kafkajs, and not both/],
    [{ brokers: [] }, /needs brokers/],
    [{ brokers: 'localhost:9092' }, /needs brokers, a list/],
    [{ brokers: ['a:1'], kafka: plainKafka(['a:1']) }, /not both/],
    [{ brokers: ['localhost'] }, /a broker of kafkaSender must be host:port, not localhost/],
    [{ brokers: ['kafka://localhost:9092'] }, /must be host:port/],
    [{ kafka: {} }, /must be a client of kafkajs/],
    [{ brokers: ['a:1'], topic: 'all spans' }, /must be the name of a topic, not all spans/],
    [{ brokers: ['a:1'], encoding: 'xml' }, /must be 'proto3' or 'json', not xml/],
    [{ brokers: ['a:1'], timeoutMs: 0 }, /timeoutMs of kafkaSender must be at least 1, not 0/],
    [{ brokers: ['a:1'], idleMs: -1 }, /idleMs of kafkaSender must be at least 0, not -1/],
  ]
  for (const [options, message] of cases) {
    assert.throws(() => kafkaSender(options as KafkaSenderOptions), { message })
  }
})

/** A client whose producer connects, and fails to send with an error wrapped as kafkajs wraps it. */
function clientThat(answer: Error): Kafka {
  const producer = {
    connect: async () => {},
    disconnect: async () => {},
    send: async () => {
      throw new kafkajs.KafkaJSNumberOfRetriesExceeded(answer, { retryCount: 0, retryTime: 0 })
    },
  }
  return { producer: () => producer } as unknown as Kafka
}

/** Runs a program, which must end by itself and with 0. */
async function ends(
  program: string,
  env: NodeJS.ProcessEnv = {},
  flags: string[] = [],
): Promise<{ stderr: string }> {
  return run(process.execPath, [...flags, '--input-type=module', '-e', program], {
    cwd: root,
    env: { ...process.env, ...env },
    timeout: 30_000,
  })
}
