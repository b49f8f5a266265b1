import { ownRequire } from '../host/own-files.ts'
import { consoleSender } from '../publisher/senders/console-sender.ts'
import { httpSender } from '../publisher/senders/http-sender.ts'
import { kinesisSender } from '../publisher/senders/kinesis-sender.ts'
import type { Sender } from '../publisher/senders/sender.ts'
import { FORMATS, type Format } from '../propagation/composite.ts'
import type { ServiceTags } from '../span/local-service.ts'
import { KAFKA_CARRIERS, type KafkaOptions } from '../options/kafka-options.ts'
import { THRIFT_PROPAGATIONS, type ThriftOptions } from '../options/thrift-options.ts'
import { sampleRate, samplePerSecond, type Sampler } from '../sampling/sampler.ts'
import { isSecret } from '../span/tags.ts'

type KafkaSender = typeof import('../publisher/senders/kafka-sender.ts')

const SENDERS = ['kinesis', 'http', 'kafka', 'console', 'none']

/** Whether `TDIST_DISABLED` says that nothing is to be traced. */
export function disabledByEnvironment(): boolean {
  return !['', '0', 'false'].includes(read('TDIST_DISABLED') ?? '')
}

/**
 * The sender that `TDIST_SENDER` names, or the one whose own variable is set, or HTTP to Zipkin on this host.
 * Undefined for `none`. Throws one line on a value that is not understood.
 */
export function senderFromEnvironment(): Sender | undefined {
  const streamName = read('TDIST_KINESIS_STREAM')
  const brokers = read('TDIST_KAFKA_BROKERS')
  const sender = read('TDIST_SENDER') ?? (streamName ? 'kinesis' : brokers ? 'kafka' : 'http')
  if (sender === 'none') return undefined
  if (sender === 'console') return consoleSender()
  if (sender === 'http') {
    const url = readUrl('TDIST_ZIPKIN_URL', 'http://127.0.0.1:9411/api/v2/spans')
    return httpSender(url ? { url } : {})
  }
  if (sender === 'kinesis') {
    if (!streamName) throw new TypeError('TDIST_SENDER is kinesis; name the stream in TDIST_KINESIS_STREAM')
    const endpoint = readUrl('TDIST_KINESIS_ENDPOINT', 'http://127.0.0.1:4567')
    return kinesisSender(endpoint ? { streamName, endpoint } : { streamName })
  }
  if (sender === 'kafka') {
    // Loaded only now: most services send elsewhere.
    const { isBroker, kafkaSender } = ownRequire('publisher/senders/kafka-sender') as KafkaSender
    const list = brokers?.split(',').map((broker) => broker.trim())
    if (!list?.every(isBroker)) {
      const is = brokers ? `TDIST_KAFKA_BROKERS is ${brokers}` : 'TDIST_SENDER is kafka'
      throw new TypeError(`${is}; name the brokers in TDIST_KAFKA_BROKERS as host:port, comma separated`)
    }
    return kafkaSender({ brokers: list })
  }
  throw new TypeError(`TDIST_SENDER is ${sender}; use one of ${SENDERS.join(', ')}`)
}

/** `TDIST_SERVICE_NAME`, if it is set. Throws one line when it is set to nothing: a service has a name. */
export function serviceNameFromEnvironment(): string | undefined {
  const name = process.env['TDIST_SERVICE_NAME']
  if (name?.trim() === '') throw new TypeError('TDIST_SERVICE_NAME is empty; give the name of this service')
  return name
}

/** What `TDIST_VERSION`, `TDIST_ENVIRONMENT` and `TDIST_TAGS` say of the service. Throws one line on a wrong tag. */
export function serviceTagsFromEnvironment(): ServiceTags {
  return {
    version: read('TDIST_VERSION'),
    environment: read('TDIST_ENVIRONMENT'),
    tags: readTags('TDIST_TAGS'),
  }
}

/** The sampler that the environment asks for, if any. Throws one line on a value that is not understood. */
export function samplerFromEnvironment(): Sampler | undefined {
  const rate = readNumber('TDIST_SAMPLE_RATE', 'a share of traces from 0 to 1', (n) => n >= 0 && n <= 1)
  const perSecond = readNumber(
    'TDIST_SAMPLE_PER_SECOND',
    'a number of traces, 0 or more',
    (n) => n >= 0 && n < Infinity,
  )
  if (rate !== undefined && perSecond !== undefined) {
    throw new TypeError('TDIST_SAMPLE_RATE and TDIST_SAMPLE_PER_SECOND are both set; set one')
  }
  if (rate !== undefined) return sampleRate(rate)
  if (perSecond !== undefined) return samplePerSecond(perSecond)
  return undefined
}

/** The formats in `TDIST_PROPAGATION`, comma separated, if any. Throws one line on one that is not known. */
export function propagationFromEnvironment(): Format[] | undefined {
  const value = read('TDIST_PROPAGATION')
  if (value === undefined) return undefined
  const names = value.split(',').map((name) => name.trim())
  for (const name of names) {
    if (!(FORMATS as readonly string[]).includes(name)) {
      throw new TypeError(`TDIST_PROPAGATION is ${value}; use one or more of ${FORMATS.join(', ')}`)
    }
  }
  return names as Format[]
}

/** How Thrift's calls carry the trace, by `TDIST_THRIFT_PROPAGATION`, if that is set. */
export function thriftFromEnvironment(): ThriftOptions | undefined {
  const propagation = readOneOf('TDIST_THRIFT_PROPAGATION', THRIFT_PROPAGATIONS)
  return propagation && { propagation }
}

/** What carries the trace in Kafka's messages, by `TDIST_KAFKA_CARRIER`, if that is set. */
export function kafkaFromEnvironment(): KafkaOptions | undefined {
  const carrier = readOneOf('TDIST_KAFKA_CARRIER', KAFKA_CARRIERS)
  return carrier && { carrier }
}

function readOneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
  const value = read(name)
  if (value === undefined || values.includes(value as T)) return value as T | undefined
  throw new TypeError(`${name} is ${value}; use one of ${values.join(', ')}`)
}

function readNumber(name: string, what: string, valid: (n: number) => boolean): number | undefined {
  const value = read(name)
  if (value === undefined) return undefined
  const number = Number(value)
  if (!valid(number)) throw new TypeError(`${name} is ${value}; give ${what}`)
  return number
}

function readUrl(name: string, example: string): string | undefined {
  const value = read(name)
  if (value === undefined || (/^https?:/i.test(value) && URL.canParse(value))) return value
  throw new TypeError(`${name} is ${value}; give a URL as ${example}`)
}

/**
 * Tags, written as in `OTEL_RESOURCE_ATTRIBUTES`: a comma, an equals sign and a percent sign stand as percent codes.
 */
function readTags(name: string): Record<string, string> {
  const tags = Object.create(null) as Record<string, string>
  for (const part of read(name)?.split(',') ?? []) {
    if (part.trim() === '') continue
    const [, rawKey = '', rawValue = ''] = /^([^=]*)=([^]*)$/.exec(part) ?? []
    const key = decoded(name, rawKey.trim())
    if (key === '') {
      throw new TypeError(
        `${name} has ${part.trim()}; give key=value, comma separated, a comma in a value as %2C`,
      )
    }
    if (isSecret(key)) throw new TypeError(`${name} has ${key}, which looks like a secret; leave it out`)
    tags[key] = decoded(name, rawValue.trim())
  }
  return tags
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError(`${name} has ${text}; give % as %25, a comma as %2C`)
  }
}

/** A variable's value; one that is set to nothing is not set. */
function read(name: string): string | undefined {
  const value = process.env[name]?.trim()
  return value === '' ? undefined : value
}
