import type { TraceContext } from '../../span/trace-context.ts'
import { open, seal, type Opened } from '../../propagation/frame/kafka-envelope.ts'
import {
  alsoWritten,
  messageHeader,
  traceKeysOf,
  type MessageHeaders,
} from '../../propagation/message-headers.ts'
import type { Extracted, Propagation } from '../../propagation/propagation.ts'
import { picked, plainCopy, spread, standIn } from '../hooks/stand-in.ts'

/** What kafkajs and Confluent's client take and give as a message. */
export interface KafkaMessage {
  readonly key?: unknown
  readonly value?: unknown
  readonly headers?: MessageHeaders | undefined
  readonly offset?: string
  /** Milliseconds since the epoch, as text; `-1` when there is none. */
  readonly timestamp?: string
}

/** A message about to be sent. */
export interface Sendable {
  readonly given: KafkaMessage
  /**
   * What is sent in place of the message's own properties: all of them for a plain message, for any other those that
   * are read here, so that its getters are called no more often than the client calls them.
   */
  readonly own: { -readonly [K in keyof KafkaMessage]: KafkaMessage[K] }
  /** Whether `own` has all properties of the message. */
  readonly isFullCopy: boolean
}

/** The message, ready to be changed. Undefined for one that a client would refuse: it refuses with its own message. */
export function sendable(message: unknown): Sendable | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const given = message as KafkaMessage
  const copy = plainCopy(given)
  const own = copy ?? picked(given, ['key', 'value', 'headers'])
  return own.value === undefined ? undefined : { given, own, isFullCopy: copy !== undefined }
}

/** The object to send in place of the message: a caller may send one object many times, or freeze it. */
export function sent({ given, own, isFullCopy }: Sendable): KafkaMessage {
  return isFullCopy ? own : standIn(given, own)
}

/** A message as its handler gets it, and what the envelope said that its value came in. */
export interface Incoming {
  readonly message: KafkaMessage
  readonly enclosed: Opened | undefined
}

/** Takes the message's value out of its envelope, in a copy, if it is in one. */
export function openMessage(message: KafkaMessage): Incoming {
  const enclosed = Buffer.isBuffer(message.value) ? open(message.value) : undefined
  return { message: enclosed ? standIn(message, { value: enclosed.value }) : message, enclosed }
}

/** What a message says of its trace: in its headers, else in the envelope that its value came in, or still is in. */
export function readTrace({ message, enclosed }: Incoming, propagation: Propagation): Extracted | undefined {
  const { headers, value } = message
  const found = headers ? propagation.extract(headers, messageHeader) : undefined
  if (found?.context) return found
  const frame = enclosed ?? (Buffer.isBuffer(value) ? open(value) : undefined)
  return frame?.extracted ?? found
}

/** Puts the context into the message's headers, in a copy of those. */
export function addHeaders({ own }: Sendable, context: TraceContext, propagation: Propagation): void {
  const { headers } = own
  // What is no object, and null, is for the client to refuse.
  if (headers !== undefined && (typeof headers !== 'object' || headers === null)) return
  const copy: Record<string, unknown> = headers ? spread(headers) : {}
  const stale = headers ? traceKeysOf(headers) : NONE
  if (stale.length > 0) {
    const tracestate = keptTracestate(headers!, context)
    for (const key of stale) delete copy[key]
    for (const format of alsoWritten(stale, propagation)) format.inject(context, copy, setHeader)
    if (tracestate !== undefined) copy['tracestate'] = tracestate
  }
  propagation.inject(context, copy, setHeader)
  own.headers = copy
}

/** Puts the context before the message's value. A message whose value cannot be changed gets it in its headers. */
export function enclose(message: Sendable, context: TraceContext, propagation: Propagation): void {
  const { value, headers } = message.own
  // Nothing but null is a tombstone, and what is empty stays empty.
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  const isEnclosed = Buffer.isBuffer(bytes) && bytes.length > 0
  if (isEnclosed) message.own.value = seal(bytes, context)
  // Headers go first with whoever reads both: stale ones must not.
  if (!isEnclosed || (headers && traceKeysOf(headers).length > 0)) addHeaders(message, context, propagation)
}

const NONE: readonly string[] = []

function setHeader(headers: Record<string, unknown>, name: string, value: string): void {
  headers[name] = value
}

/** The `tracestate` that other vendors have written for this very trace: it goes on with it. */
function keptTracestate(headers: MessageHeaders, { traceId, extra }: TraceContext): unknown {
  if (extra?.tracestate !== undefined) return undefined
  const parent = messageHeader(headers, 'traceparent')
  if (parent?.slice(3, 35) !== traceId.padStart(32, '0')) return undefined
  return messageHeader(headers, 'tracestate')
}
