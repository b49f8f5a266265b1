import { describe } from '../host/log.ts'
import { FORMATS, type Format } from '../propagation/composite.ts'
import type { PublisherOptions } from '../publisher/publisher-options.ts'
import type { Sender } from '../publisher/senders/sender.ts'
import type { Sampler } from '../sampling/sampler.ts'
import type { SpanHandler } from '../span/span.ts'
import { isSecret } from '../span/tags.ts'
import type { HttpOptions } from './http-rules.ts'
import { checkKafka, type KafkaOptions } from './kafka-options.ts'
import { checkThrift, type ThriftOptions } from './thrift-options.ts'

/** How a service is traced. Only `serviceName` is required. */
export interface TracingOptions {
  /** The service's name, as it is shown and searched for. */
  readonly serviceName: string
  /** The service's version, in `service.version`. Default: `TDIST_VERSION`, else that of the program's package.json. */
  readonly version?: string
  /** Where it is deployed (`production`), in `deployment.environment`. Default: `TDIST_ENVIRONMENT`, else none. */
  readonly environment?: string
  /**
   * Tags of this process, on every span with which a call, a message or a trace begins in it. They add to those of
   * `TDIST_TAGS`. An empty value removes a tag. A span's own tag of the same key wins.
   */
  readonly tags?: Readonly<Record<string, string | number | boolean>>
  /** Where spans go. Default: the one that `TDIST_SENDER` names, else HTTP to Zipkin at 127.0.0.1:9411. */
  readonly sender?: Sender
  /** How spans are held and sent: the memory, the waiting times, the worker thread. */
  readonly publisher?: PublisherOptions
  /** Decides which new traces are recorded. Default `always`. */
  readonly sampler?: Sampler
  /**
   * The formats of the trace headers that outgoing calls get. Default `['b3']`. Every format is read, whichever is
   * written.
   */
  readonly propagation?: readonly Format[]
  /**
   * The names of headers that go with the trace, from each request that comes to the calls made for it. Default none.
   */
  readonly baggage?: readonly string[]
  /** Whether new trace IDs have 128 bits rather than 64. Default true. */
  readonly traceId128?: boolean
  /** Whether a server's span has the ID of its caller's span, where the caller sends B3, as in Brave. Default true. */
  readonly supportsJoin?: boolean
  /** Whether anything is traced at all. Default true, unless `TDIST_DISABLED` is set. */
  readonly enabled?: boolean
  /** The most characters of the value of a tag or an annotation; the rest is cut off. Default 256. */
  readonly maxTagLength?: number
  /** Sees every recorded span begin and end: to redact it, to add to it or to drop it. */
  readonly spanHandler?: SpanHandler
  /** A service's own rules for HTTP: sampling, names and tags by request and response. */
  readonly http?: HttpOptions
  /** How Kafka's messages are traced, unless `traceKafka` is given options of its own. */
  readonly kafka?: KafkaOptions
  /** How Thrift's calls are traced, unless `traceThriftClient` is given options of its own. */
  readonly thrift?: ThriftOptions
}

/**
 * Checks the shape of what `createTracing` was given: JavaScript gives anything. Throws a TypeError of one line that
 * says what to give instead. What the values mean is checked where they are used.
 */
export function checkTracing(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('createTracing was given no options; give at least a serviceName')
  }
  const { serviceName, sender, sampler, propagation, baggage, kafka, thrift, ...rest } = options as Record<
    string,
    unknown
  >
  if (typeof serviceName !== 'string') {
    throw new TypeError(`serviceName is ${describe(serviceName)}; give the name of this service`)
  }
  if (serviceName.trim() === '') throw new TypeError('serviceName is empty; give the name of this service')
  checkService(rest)
  if (sender !== undefined && !has(sender, 'send')) {
    throw new TypeError('sender has no method send; use httpSender, kinesisSender or consoleSender')
  }
  if (sampler !== undefined && !has(sampler, 'isSampled')) {
    throw new TypeError('sampler has no method isSampled; use always, never, sampleRate or samplePerSecond')
  }
  if (propagation !== undefined && !Array.isArray(propagation)) {
    throw new TypeError(`propagation is ${describe(propagation)}; give a list of ${FORMATS.join(', ')}`)
  }
  for (const [name, part] of Object.entries({ kafka, thrift })) {
    if (part !== undefined && (typeof part !== 'object' || part === null))
      throw new TypeError(`${name} is ${describe(part)}; give its options in an object`)
  }
  if (kafka !== undefined) checkKafka(kafka as KafkaOptions)
  if (thrift !== undefined) checkThrift(thrift as ThriftOptions)
  if (baggage !== undefined && !Array.isArray(baggage)) {
    throw new TypeError(`baggage is ${describe(baggage)}; give a list of header names`)
  }
}

function checkService({ version, environment, tags }: Record<string, unknown>): void {
  for (const [name, value] of Object.entries({ version, environment })) {
    if (value !== undefined && typeof value !== 'string') {
      throw new TypeError(`${name} is ${describe(value)}; give it as a string`)
    }
  }
  if (tags === undefined) return
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) {
    throw new TypeError(`tags is ${describe(tags)}; give keys and values in an object`)
  }
  for (const [key, value] of Object.entries(tags)) {
    if (isSecret(key)) throw new TypeError(`tags.${key} looks like a secret; leave it out`)
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(`tags.${key} is ${describe(value)}; give a string, a number or a boolean`)
    }
  }
}

function has(value: unknown, method: string): boolean {
  return typeof (value as Record<string, unknown> | null)?.[method] === 'function'
}
