import { types } from 'node:util'
import type { Span } from '../span.ts'
import { whenSettled } from '../settle.ts'
import type { Tracing } from '../tracing.ts'
import { isSendable, readTrace, withEnvelope, withHeaders, type KafkaMessage } from './kafka-messages.ts'
import type { KafkaOptions } from './kafka-options.ts'
import type { MessagingHandler } from './messaging.ts'

type Method = (this: unknown, ...args: never[]) => unknown

interface Record {
  readonly topic: string
  readonly messages: readonly KafkaMessage[]
}

/** What clients answer for each partition that took messages. */
interface Stored {
  readonly partition?: number
  readonly baseOffset?: string
  readonly offset?: string
}

/** A call about to be made: what it sends instead, and the spans that end with it. */
interface Sending {
  readonly request: object
  readonly spans: readonly Span[]
}

/** What the calls of one producer become. */
export class TracedSends {
  readonly #tracing: Tracing
  readonly #handler: MessagingHandler
  readonly #options: KafkaOptions
  /** Brokers before 0.11 know no headers: once one that never took a message of ours has said so, none are added. */
  #headers: 'untried' | 'taken' | 'refused' = 'untried'

  constructor(tracing: Tracing, handler: MessagingHandler, options: KafkaOptions) {
    this.#tracing = tracing
    this.#handler = handler
    this.#options = options
  }

  /** `send`, traced. */
  send(original: Method, self: unknown, args: readonly unknown[]): unknown {
    return this.#call(original, self, args, (record) => {
      const spans: Span[] = []
      return isRecord(record)
        ? { request: this.#traced(record, record.messages.length, spans), spans }
        : undefined
    })
  }

  /** `sendBatch`, traced. */
  sendBatch(original: Method, self: unknown, args: readonly unknown[]): unknown {
    return this.#call(original, self, args, (batch) => {
      const records = (batch as { topicMessages?: unknown } | undefined)?.topicMessages
      if (!Array.isArray(records) || !records.every(isRecord)) return undefined
      const spans: Span[] = []
      const size = records.reduce((sum, { messages }) => sum + messages.length, 0)
      const topicMessages = records.map((record) => this.#traced(record, size, spans))
      return { request: { ...(batch as object), topicMessages }, spans }
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

  /** The record as it is sent. `size`: how many messages the whole call has. */
  #traced(record: Record, size: number, spans: Span[]): Record {
    const { topic, messages } = record
    if (this.#handler.ignores(topic)) return record
    const shared = size > (this.#options.maxSpansPerSend ?? 100)
    let span: Span | undefined
    const traced = messages.map((message) => {
      if (span === undefined || !shared) {
        spans.push((span = this.#begin(topic, message)))
        if (shared) span.tag('kafka.batch.size', messages.length)
        else if (this.#options.tagKey && typeof message.key === 'string') span.tag('kafka.key', message.key)
      }
      return this.#carrying(message, span)
    })
    return { ...record, messages: traced }
  }

  #begin(topic: string, message: KafkaMessage): Span {
    const { dataManager, messagePropagation } = this.#tracing
    // Headers of a message that is passed on count where nothing else says what this belongs to.
    const forwarded =
      dataManager.current === undefined && message.headers
        ? readTrace({ message, enclosed: undefined }, messagePropagation)
        : undefined
    return this.#handler.send(topic, forwarded)
  }

  #carrying(message: KafkaMessage, { context }: Span): KafkaMessage {
    const { messagePropagation } = this.#tracing
    if (this.#options.carrier === 'payload') return withEnvelope(message, context, messagePropagation)
    return this.#headers === 'refused' ? message : withHeaders(message, context, messagePropagation)
  }

  #stored(spans: readonly Span[], stored: readonly Stored[]): void {
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
      new Error('the broker takes none; no more are added to this producer’s'),
    )
  }
}

/** Whether a client would send it: what it would refuse is left for it to refuse, with its own words. */
function isRecord(record: unknown): record is Record {
  const { topic, messages } = (record ?? {}) as Partial<Record>
  return typeof topic === 'string' && Array.isArray(messages) && messages.every(isSendable)
}

/** UNKNOWN_SERVER_ERROR, which a broker before 0.11 answers to headers. */
function isUnknown(error: unknown): boolean {
  let cause = error as { type?: unknown; cause?: unknown; originalError?: unknown } | undefined
  for (let depth = 0; cause && depth < 4; depth++) {
    if (cause.type === 'UNKNOWN') return true
    cause = (cause.cause ?? cause.originalError) as typeof cause
  }
  return false
}
