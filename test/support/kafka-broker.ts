import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  Kafka,
  logLevel,
  type Admin,
  type KafkaMessage,
  type Message,
  type ProducerConfig,
  type RecordMetadata,
} from 'kafkajs'
import { freePorts } from './free-ports.ts'
import { cached, mavenDependency, startJava, type JavaServer } from './java-server.ts'

const VERSION = '4.1.1'
/** Key and certificate of `localhost`. */
const CERTIFICATE = fileURLToPath(new URL('../../../test/support/localhost.pem', import.meta.url))
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`

/** A real Kafka broker, for as long as a test suite needs it. */
export interface KafkaBroker {
  readonly brokers: string[]
  /** The same over TLS, with the user `tdist` and the password `secret`; undefined when it is not ours. */
  readonly secureBrokers: string[] | undefined
  /** Its process, with data that outlive it; undefined when it is not ours. */
  readonly own:
    | { kill(): Promise<void>; start(): Promise<void>; pause(): Promise<void>; resume(): void }
    | undefined
  stop(): Promise<void>
}

/**
 * The brokers that `KAFKA_BROKERS` names, or one started here from Maven's jars (fetched once): a single node that is
 * broker and controller, and makes no topic by itself. `settings` are added to its server.properties. A string says
 * why there is none: then the suite is skipped, or fails with `CI=true`.
 */
export async function startKafkaBroker(
  settings: Readonly<Record<string, string | number>> = {},
): Promise<KafkaBroker | string> {
  const named = process.env['KAFKA_BROKERS']
  if (named)
    return { brokers: named.split(','), secureBrokers: undefined, own: undefined, stop: async () => {} }
  let jars: string
  try {
    jars = await cached(`kafka/${VERSION}`, async (into) => {
      writeFileSync(join(into, 'pom.xml'), POM)
      await mavenDependency(
        'copy-dependencies',
        '-f',
        join(into, 'pom.xml'),
        '-DincludeScope=runtime',
        `-DoutputDirectory=${into}`,
      )
    })
  } catch (error) {
    return `no Kafka broker: needs KAFKA_BROKERS, or Java 17 and Maven (${(error as Error).message.split('\n')[0]})`
  }
  const classPath = ['-cp', join(jars, '*')]
  const folder = mkdtempSync(join(tmpdir(), 'tdist-kafka-'))
  const [port, securePort, controllerPort] = await freePorts(3)
  const brokers = [`127.0.0.1:${port}`]
  const properties = join(folder, 'server.properties')
  const lines = Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},SASL_SSL://127.0.0.1:${securePort},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SASL_SSL://localhost:${securePort}`,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': CERTIFICATE,
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_ssl.plain.sasl.jaas.config':
      'org.apache.kafka.common.security.plain.PlainLoginModule required user_tdist="secret";',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    // On a machine that does other work a heartbeat may be late, and a broker that misses some leads nothing.
    'broker.session.timeout.ms': 30_000,
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    ...settings,
  }).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(properties, lines.join(''))
  const format = ['kafka.tools.StorageTool', 'format', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', properties]
  await promisify(execFile)('java', [...classPath, ...format])

  let java: JavaServer
  const start = async (): Promise<void> => {
    const args = [
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...classPath,
      'kafka.Kafka',
      properties,
    ]
    java = await startJava(args, {}, () => answers(brokers))
  }
  await start()
  return {
    brokers,
    secureBrokers: [`localhost:${securePort}`],
    own: { start, kill: () => java.kill(), pause: () => java.pause(), resume: () => java.resume() },
    async stop() {
      await java.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A plain client of kafkajs that says nothing. */
export function plainKafka(brokers: string[]): Kafka {
  return new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100, retries: 10 } })
}

/** Makes a topic, and waits until its leaders answer. */
export async function createTopic(
  brokers: string[],
  topic: string,
  { partitions = 1, config = {} }: { partitions?: number; config?: Record<string, string> } = {},
): Promise<void> {
  const admin = plainKafka(brokers).admin()
  await admin.connect()
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  try {
    const topics = [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }]
    await untilReady(() => admin.createTopics({ topics, waitForLeaders: true }))
    // A leader may not know yet that it is: then it would refuse what is sent, and kafkajs sends all of it again.
    await offsetsOf(admin, topic)
  } finally {
    await admin.disconnect()
  }
}

/** Waits until a topic's leaders answer: a broker that was away may not know at once that it is one. */
export async function untilLed(brokers: string[], topic: string): Promise<void> {
  const admin = plainKafka(brokers).admin()
  await admin.connect()
  await offsetsOf(admin, topic)
  await admin.disconnect()
}

/** As kafkajs has it, which does not ask again where a leader does not know yet that it is one. */
function offsetsOf(admin: Admin, topic: string): ReturnType<Admin['fetchTopicOffsets']> {
  return untilReady(() => admin.fetchTopicOffsets(topic))
}

/** Asks again while the broker says that it is not ready for what is asked. */
async function untilReady<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = 200; ; left--) {
    try {
      return await ask()
    } catch (error) {
      const { retriable, errors = [] } = error as { retriable?: boolean; errors?: { type?: string }[] }
      // As long as no broker is there to hold them, any number of replicas is too many.
      const isAlone = errors.some(({ type }) => type === 'INVALID_REPLICATION_FACTOR')
      if (left === 0 || !(retriable || isAlone)) throw error
      await sleep(50)
    }
  }
}

export type Received = KafkaMessage & { readonly partition: number }

/** All that is on a topic just now; `messages` says how many, where markers of transactions are beside them. */
export async function readTopic(brokers: string[], topic: string, messages?: number): Promise<Received[]> {
  const kafka = plainKafka(brokers)
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await offsetsOf(admin, topic)
  await admin.disconnect()
  const count = messages ?? offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  const received: Received[] = []
  if (count === 0) return received
  const consumer = kafka.consumer({ groupId: `${topic}-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      // While the group's coordinator loads, it begins again by itself.
      consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error))
      const eachMessage = async (one: { partition: number; message: KafkaMessage }): Promise<void> => {
        if (received.push({ ...one.message, partition: one.partition }) === count) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return received
}

/** Sends by a producer of its own. */
export async function sendMessages(
  kafka: Kafka,
  topic: string,
  messages: Message[],
  config?: ProducerConfig,
): Promise<RecordMetadata[]> {
  const producer = kafka.producer(config)
  await producer.connect()
  try {
    return await producer.send({ topic, messages })
  } finally {
    await producer.disconnect()
  }
}

/** Consumes a topic from its beginning until `count` messages are handled; rejects when the handler fails. */
export async function consumeMessages(
  kafka: Kafka,
  topic: string,
  count: number,
  handler: (message: KafkaMessage) => unknown = () => {},
): Promise<KafkaMessage[]> {
  const consumer = kafka.consumer({ groupId: `group-${topic}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  const seen: KafkaMessage[] = []
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error))
      const eachMessage = async ({ message }: { message: KafkaMessage }): Promise<void> => {
        try {
          await handler(message)
          if (seen.push(message) === count) resolve()
        } catch (error) {
          reject(error as Error)
        }
      }
      consumer.run({ eachMessage }).catch(reject)
    })
  } finally {
    // What is being handled is handled first.
    await consumer.disconnect()
  }
  return seen
}

async function answers(brokers: string[]): Promise<boolean> {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const admin = kafka.admin()
  try {
    await admin.connect()
    return (await admin.describeCluster()).brokers.length > 0
  } finally {
    await admin.disconnect()
  }
}
