import type { TraceContext } from '../context/trace-context.ts'
import { open, seal, type Opened } from '../propagation/kafka-envelope.ts'
import {
  alsoWritten,
  messageHeader,
  traceKeysOf,
  type MessageHeaders,
} from '../propagation/message-headers.ts'
import type { Extracted, Propagation } from '../propagation/propagation.ts'

/** What kafkajs and Confluent's client take and give as a message. */
export interface KafkaMessage {
  readonly key?: unknown
  readonly value?: unknown
  readonly headers?: MessageHeaders | undefined
  readonly offset?: string
  /** Milliseconds since the epoch, as text; `-1` when there is none. */
  readonly timestamp?: string
}

/** Whether clients would take it: one that they would refuse is theirs, to refuse with their own words. */
export function isSendable(message: unknown): message is KafkaMessage {
  return typeof message === 'object' && message !== null && (message as KafkaMessage).value !== undefined
}

/** A message as its handler gets it, and what the envelope said that its value came in. */
export interface Incoming {
  readonly message: KafkaMessage
  readonly enclosed: Opened | undefined
}

/** Takes the message's value out of its envelope, in a copy, if it is in one. */
export function openMessage(message: KafkaMessage): Incoming {
  const enclosed = Buffer.isBuffer(message.value) ? open(message.value) : undefined
  return { message: enclosed ? copyOf(message, 'value', enclosed.value) : message, enclosed }
}

/** What a message says of its trace: in its headers, else in the envelope that its value came in, or still is in. */
export function readTrace({ message, enclosed }: Incoming, propagation: Propagation): Extracted | undefined {
  const { headers, value } = message
  const found = headers ? propagation.extract(headers, messageHeader) : undefined
  if (found?.context) return found
  const frame = enclosed ?? (Buffer.isBuffer(value) ? open(value) : undefined)
  return frame?.extracted ?? found
}

/** The message with the context in its headers, in a copy: a caller may send one object many times, or frozen. */
export function withHeaders(
  message: KafkaMessage,
  context: TraceContext,
  propagation: Propagation,
): KafkaMessage {
  const { headers } = message
  if (typeof headers !== 'object' && headers !== undefined) return message
  const copy: Record<string, unknown> = { ...headers }
  // Null is for the client to refuse, with its own words.
  const stale = headers ? traceKeysOf(headers) : NONE
  if (stale.length > 0) {
    const tracestate = keptTracestate(headers!, context)
    for (const key of stale) delete copy[key]
    for (const format of alsoWritten(stale, propagation)) format.inject(context, copy, setHeader)
    if (tracestate !== undefined) copy['tracestate'] = tracestate
  }
  propagation.inject(context, copy, setHeader)
  return copyOf(message, 'headers', copy)
}

/** The message with the context before its value. One without a value to be changed has it in its headers. */
export function withEnvelope(
  message: KafkaMessage,
  context: TraceContext,
  propagation: Propagation,
): KafkaMessage {
  const { value, headers } = message
  // Nothing but null is a tombstone, and what is empty stays empty.
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return withHeaders(message, context, propagation)
  const sealed = copyOf(message, 'value', seal(bytes, context))
  // Headers go first with whoever reads both: stale ones must not.
  const stale = headers ? traceKeysOf(headers) : NONE
  return stale.length > 0 ? withHeaders(sealed, context, propagation) : sealed
}

const NONE: readonly string[] = []

function setHeader(headers: Record<string, unknown>, name: string, value: string): void {
  headers[name] = value
}

/** What other vendors said of this very trace goes on with it. */
function keptTracestate(headers: MessageHeaders, { traceId, extra }: TraceContext): unknown {
  if (extra?.tracestate !== undefined) return undefined
  const parent = messageHeader(headers, 'traceparent')
  if (parent?.slice(3, 35) !== traceId.padStart(32, '0')) return undefined
  return messageHeader(headers, 'tracestate')
}

/** A copy in which one property is another. What is no plain object keeps its class. */
function copyOf(message: KafkaMessage, name: 'headers' | 'value', value: unknown): KafkaMessage {
  const prototype = Object.getPrototypeOf(message) as unknown
  if (prototype === Object.prototype || prototype === null) {
    // A spread with a property after it is slow in V8.
    const copy: { -readonly [K in keyof KafkaMessage]: unknown } = { ...message }
    copy[name] = value
    return copy as KafkaMessage
  }
  return Object.create(message, {
    [name]: { value, enumerable: true, writable: true, configurable: true },
  }) as KafkaMessage
}
