import type { Kafka, KafkaConfig } from 'kafkajs'
import type { Encoding } from '../../codec/encoder.ts'
import { describe } from '../../host/log.ts'
import { startTimer, stopTimer } from '../../host/timers.ts'
import { brokerError, KafkaConnection, type Kafkajs, type KafkaTarget } from './kafka-connection.ts'
import { SendError, type Outcome, type Sender, type SpanRecord } from './sender.ts'

export interface KafkaSenderOptions {
  /** The brokers to ask first, each as `host:port`. Either these, or `kafka`. */
  readonly brokers?: readonly string[] | undefined
  /**
   * A client of kafkajs to use instead. It makes the producer, logs and times out as it is configured; `clientId`,
   * `ssl` and `sasl` are its own then.
   */
  readonly kafka?: Kafka | undefined
  /** The topic that Zipkin's collector reads. Default `zipkin`. */
  readonly topic?: string | undefined
  /** How spans are encoded. Default `proto3`, which every Zipkin since 2.8 reads. */
  readonly encoding?: Encoding | undefined
  /** Whether the messages are compressed. Default false. */
  readonly gzip?: boolean | undefined
  /** How long a message may take once there is a connection, in milliseconds. Default 6000. */
  readonly timeoutMs?: number | undefined
  /** The name by which the brokers log and limit this client. Default `tdist`. */
  readonly clientId?: string | undefined
  /** TLS, as kafkajs takes it. Default none. */
  readonly ssl?: KafkaConfig['ssl'] | undefined
  /** The credentials, as kafkajs takes them. Default none. */
  readonly sasl?: KafkaConfig['sasl'] | undefined
  /** How long a connection stays open with nothing to send, in milliseconds. Default 50. */
  readonly idleMs?: number | undefined
}

const MAX_RECORD_BYTES = 500_000
const LONGEST_TIMER = 2 ** 31
const BROKER = /^[^\s:/,]+:\d{1,5}$/
/** The errors after which the message may be stored: there may be too few copies of it. */
const STORED_PERHAPS = ['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'NETWORK_EXCEPTION']
/** The errors that kafkajs takes to be final, though they come of a fault of the broker's that may pass. */
const NOT_NOW = ['UNKNOWN', 'KAFKAJS_UNKNOWN_ERROR_CODE', 'BROKER_NOT_AVAILABLE']

/**
 * Sends lists of spans to a Kafka topic, one a message, as Zipkin's collector reads them; by trace under the key of
 * their trace, else under none. Waits for the acknowledgement of all replicas in sync. A broker that is away and a
 * topic that does not exist are tried again; a message that brokers do not take, for its size or for want of
 * permission, is rejected. Needs `kafkajs`, which is loaded when the first spans are sent. Throws when an option is
 * wrong.
 */
export function kafkaSender(options: KafkaSenderOptions): Sender {
  const { encoding = 'proto3', idleMs = 50 } = options
  const target = checkTarget(options)
  if (encoding !== 'proto3' && encoding !== 'json') {
    throw new Error(`tdist: the encoding of kafkaSender must be 'proto3' or 'json', not ${String(encoding)}`)
  }
  if (!(idleMs >= 0 && idleMs < LONGEST_TIMER)) {
    throw new Error(`tdist: idleMs of kafkaSender must be at least 0, not ${String(idleMs)}`)
  }
  let connection: KafkaConnection | undefined
  let idle: NodeJS.Timeout | undefined

  async function put({ bytes, key }: SpanRecord): Promise<Outcome> {
    const library = await loadKafkajs()
    stopTimer(idle)
    if (!connection?.usable) connection = new KafkaConnection(library, target)
    const used = connection
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    try {
      await used.send({ key: key ?? null, value })
      return 'sent'
    } catch (error) {
      throw callError(error, target.topic)
    } finally {
      if (connection === used && used.idle) restUntilNext(used)
    }
  }

  /**
   * kafkajs keeps a timer of 1 ms going as long as it is connected: over 50 ms that costs more than a new connection.
   */
  function restUntilNext(used: KafkaConnection): void {
    stopTimer(idle)
    idle = startTimer(() => void used.close(), idleMs).unref()
  }

  return {
    encoding,
    maxRecordBytes: MAX_RECORD_BYTES,
    // Several might be split over partitions, and then be stored in part.
    maxRecords: 1,
    maxCallBytes: MAX_RECORD_BYTES,
    // Zipkin takes two spans of the same IDs for halves of one.
    atLeastOnce: true,
    send: async (records) => Promise.all(records.map(put)),
    close: async () => {
      stopTimer(idle)
      await connection?.close()
    },
  }
}

function checkTarget(options: KafkaSenderOptions): KafkaTarget {
  const {
    brokers = [],
    kafka,
    topic = 'zipkin',
    gzip = false,
    timeoutMs = 6000,
    clientId = 'tdist',
    ssl,
    sasl,
  } = options
  if (!Array.isArray(brokers) || brokers.length > 0 === (kafka !== undefined)) {
    throw new Error(
      'tdist: kafkaSender needs brokers, a list of host:port, or a kafka of kafkajs, and not both',
    )
  }
  for (const broker of brokers as readonly unknown[]) {
    if (isBroker(broker)) continue
    throw new Error(`tdist: a broker of kafkaSender must be host:port, not ${String(broker)}`)
  }
  if (kafka !== undefined && typeof kafka?.producer !== 'function') {
    throw new Error('tdist: the kafka of kafkaSender must be a client of kafkajs: new Kafka({ … })')
  }
  if (typeof topic !== 'string' || !/^[\w.-]{1,249}$/.test(topic)) {
    throw new Error(`tdist: the topic of kafkaSender must be the name of a topic, not ${String(topic)}`)
  }
  if (!(timeoutMs >= 1 && timeoutMs < LONGEST_TIMER)) {
    throw new Error(`tdist: timeoutMs of kafkaSender must be at least 1, not ${String(timeoutMs)}`)
  }
  return {
    brokers,
    kafka,
    topic,
    gzip,
    timeoutMs,
    clientId,
    ssl,
    sasl,
  }
}

/** Whether it is `host:port`. */
export function isBroker(broker: unknown): boolean {
  return typeof broker === 'string' && BROKER.test(broker)
}

async function loadKafkajs(): Promise<Kafkajs> {
  try {
    return await import('kafkajs')
  } catch (error) {
    const said = describe(error)
    const isMissing = /^Cannot find (package|module) 'kafkajs'/.test(said)
    const message = isMissing
      ? 'tdist/kafkajs needs kafkajs: npm install it'
      : `tdist/kafkajs could not load kafkajs: ${said}`
    throw new SendError(message, 'rejected', { cause: error })
  }
}

/** See https://kafka.apache.org/protocol.html#protocol_error_codes */
function callError(error: unknown, topic: string): SendError {
  const answered = brokerError(error)
  let outcome: SendError['outcome'] = 'failed'
  if (error instanceof SendError) ({ outcome } = error)
  else if (answered && STORED_PERHAPS.includes(answered.type)) outcome = 'in doubt'
  else if (answered && !answered.retriable && !NOT_NOW.includes(answered.type)) outcome = 'rejected'
  const what = answered === undefined ? '' : `${answered.type}: `
  return new SendError(`Kafka topic ${topic}: ${what}${describe(error)}`, outcome, { cause: error })
}
