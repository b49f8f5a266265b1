import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import { types } from 'node:util'
import { whenSettled } from '../../host/when-settled.ts'
import {
  addHeaders,
  enclose,
  readTrace,
  sendable,
  sent,
  type KafkaMessage,
  type Sendable,
} from './messages.ts'
import type { KafkaOptions } from '../../options/kafka-options.ts'
import type { MessagingHandler } from '../protocols/messaging.ts'
import { listStandIn, plainCopy, standIn } from '../hooks/stand-in.ts'

type Method = (this: unknown, ...args: never[]) => unknown

/** The messages of one call for one topic. */
interface Record {
  readonly given: object
  /** A copy, where the record is a plain object. */
  readonly copy: { messages?: unknown } | undefined
  readonly topic: string
  readonly list: readonly KafkaMessage[]
  /** Undefined where they are not traced. */
  readonly messages: readonly Sendable[] | undefined
}

/** What a client answers for each partition that took messages. */
interface Stored {
  readonly partition?: number
  readonly baseOffset?: string
  readonly offset?: string
}

/** A call about to be made: what it sends in place of the caller's request, and the spans that end with it. */
interface Sending {
  readonly request: object
  readonly spans: readonly ServiceSpan[]
}

/** Traces the calls of one producer. */
export class TracedSends {
  readonly #tracing: ServiceTracing
  readonly #handler: MessagingHandler
  readonly #options: KafkaOptions
  /**
   * Whether the broker takes headers. Brokers before 0.11 do not: when one refuses the first message, no more are
   * added.
   */
  #headers: 'untried' | 'taken' | 'refused' = 'untried'

  constructor(tracing: ServiceTracing, handler: MessagingHandler, options: KafkaOptions) {
    this.#tracing = tracing
    this.#handler = handler
    this.#options = options
  }

  /** `send`, traced. */
  send(original: Method, self: unknown, args: readonly unknown[]): unknown {
    return this.#call(original, self, args, (given) => {
      const record = this.#record(given)
      const spans: ServiceSpan[] = []
      return record && { request: this.#traced(record, record.list.length, spans), spans }
    })
  }

  /** `sendBatch`, traced. */
  sendBatch(original: Method, self: unknown, args: readonly unknown[]): unknown {
    return this.#call(original, self, args, (given) => {
      if (typeof given !== 'object' || given === null) return undefined
      const copy: { topicMessages?: unknown } | undefined = plainCopy(given)
      const { topicMessages: list } = (copy ?? given) as { topicMessages?: unknown }
      const records = allOf(list, (record) => this.#record(record))
      if (records === undefined) return undefined
      const size = records.reduce((sum, record) => sum + record.list.length, 0)
      const spans: ServiceSpan[] = []
      const traced = records.map((record) => this.#traced(record, size, spans))
      const topicMessages = listStandIn(list as object[], traced)
      if (copy === undefined) return { request: standIn(given, { topicMessages }), spans }
      copy.topicMessages = topicMessages
      return { request: copy, spans }
    })
  }

  #call(
    original: Method,
    self: unknown,
    args: readonly unknown[],
    prepare: (request: unknown) => Sending | undefined,
  ): unknown {
    let sending: Sending | undefined
    try {
      // The publisher's own messages are not traced.
      if (!this.#tracing.dataManager.suppressed) sending = prepare(args[0])
    } catch (error) {
      this.#tracing.failed('kafka producer', error)
    }
    if (sending === undefined) return Reflect.apply(original, self, args as never[])
    let result: unknown
    try {
      result = Reflect.apply(original, self, [sending.request, ...args.slice(1)] as never[])
    } catch (error) {
      this.#failed(sending, error)
      throw error
    }
    const { spans } = sending
    if (!types.isPromise(result)) return result
    try {
      return whenSettled(
        result,
        (stored) => this.#stored(spans, stored as readonly Stored[]),
        (error) => this.#failed(sending, error),
      )
    } catch (error) {
      this.#tracing.failed('kafka producer', error)
      return result
    }
  }

  /** The record, ready to be traced. Undefined for one that a client would refuse: it refuses with its own message. */
  #record(given: unknown): Record | undefined {
    if (typeof given !== 'object' || given === null) return undefined
    const copy: Record['copy'] = plainCopy(given)
    const { topic, messages: list } = (copy ?? given) as { topic?: unknown; messages?: unknown }
    if (typeof topic !== 'string' || !Array.isArray(list)) return undefined
    const ignored = this.#handler.ignores(topic)
    const messages = ignored ? undefined : allOf(list, sendable)
    return messages || ignored ? { given, copy, topic, list: list as KafkaMessage[], messages } : undefined
  }

  /** The record as it is sent. `size`: how many messages the whole call has. */
  #traced({ given, copy, topic, list, messages }: Record, size: number, spans: ServiceSpan[]): object {
    if (messages === undefined) return copy ?? given
    const shared = size > (this.#options.maxSpansPerSend ?? 100)
    let span: ServiceSpan | undefined
    const traced = messages.map((message) => {
      if (span === undefined || !shared) {
        spans.push((span = this.#begin(topic, message.own)))
        if (shared) span.tag('kafka.batch.size', messages.length)
        else this.#tagKey(span, message.own)
      }
      return this.#carrying(message, span)
    })
    const standing = listStandIn(list, traced)
    if (copy === undefined) return standIn(given, { topic, messages: standing })
    copy.messages = standing
    return copy
  }

  #tagKey(span: ServiceSpan, { key }: KafkaMessage): void {
    if (this.#options.tagKey && typeof key === 'string') span.tag('kafka.key', key)
  }

  #begin(topic: string, message: KafkaMessage): ServiceSpan {
    const { dataManager, messagePropagation } = this.#tracing
    // Headers of a message that is passed on count where nothing else says what this belongs to.
    const forwarded =
      dataManager.current === undefined && message.headers
        ? readTrace({ message, enclosed: undefined }, messagePropagation)
        : undefined
    return this.#handler.send(topic, forwarded)
  }

  #carrying(message: Sendable, { context }: ServiceSpan): KafkaMessage {
    const { messagePropagation } = this.#tracing
    if (this.#options.carrier === 'payload') enclose(message, context, messagePropagation)
    else if (this.#headers !== 'refused') addHeaders(message, context, messagePropagation)
    return sent(message)
  }

  #stored(spans: readonly ServiceSpan[], stored: readonly Stored[]): void {
    const [one] = spans
    if (spans.length === 1 && one?.recording && Array.isArray(stored) && stored.length === 1) {
      const { partition, baseOffset, offset } = stored[0]!
      if (partition !== undefined) one.tag('kafka.partition', partition)
      const first = baseOffset ?? offset
      if (first !== undefined) one.tag('kafka.offset', first)
    }
    for (const span of spans) span.finish()
    if (spans.length > 0 && this.#headers === 'untried') this.#headers = 'taken'
  }

  #failed({ spans }: Sending, error: unknown): void {
    for (const span of spans) span.error(error).finish()
    if (this.#headers !== 'untried' || this.#options.carrier === 'payload' || !isUnknown(error)) return
    this.#headers = 'refused'
    this.#tracing.failed(
      'kafka headers',
      new Error('the broker takes no headers, so this producer’s messages get no more of them'),
    )
  }
}

/**
 * The list that `make` makes of each element, holes included. Undefined when it makes nothing of one, or this is no
 * list.
 */
function allOf<T>(list: unknown, make: (element: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(list)) return undefined
  const made: T[] = []
  for (let i = 0; i < list.length; i++) {
    const one = make(list[i])
    if (one === undefined) return undefined
    made.push(one)
  }
  return made
}

/** Whether the error is UNKNOWN_SERVER_ERROR, which a broker before 0.11 answers to headers. */
function isUnknown(error: unknown): boolean {
  let cause = error as { type?: unknown; cause?: unknown; originalError?: unknown } | undefined
  for (let depth = 0; cause && depth < 4; depth++) {
    if (cause.type === 'UNKNOWN') return true
    cause = (cause.cause ?? cause.originalError) as typeof cause
  }
  return false
}
