import type { Encoder } from '../codec/encoder.ts'
import type { Sender, SenderRecipe } from './senders/sender.ts'
import { recipeFor } from './worker/recipe-for.ts'

/** How a publisher holds and sends spans. */
export interface PublisherOptions {
  /** The most spans held at once, those in flight and those to be sent again included. Default 100 000. */
  readonly maxSpans?: number | undefined
  /**
   * The most bytes of memory that these spans take, in each process. Default 16 MiB; at least 16 KiB, or 1 MiB with
   * `partition: 'trace'`.
   */
  readonly maxBytes?: number | undefined
  /** How long a span may wait for others to share its record, in milliseconds. Default 1000. */
  readonly lingerMs?: number | undefined
  /** Which spans are dropped when the publisher is full: the `newest` (the default), or the `oldest` that wait. */
  readonly drop?: 'newest' | 'oldest' | undefined
  /**
   * How spans come together in records: at `random` (the default), which fills records best and spreads them over all
   * of a stream; or by `trace`, so that all spans of a trace, from whatever service, come to the same part of a
   * stream: one of 64, told by the trace ID.
   */
  readonly partition?: 'random' | 'trace' | undefined
  /** How many calls of the sender may be in flight at once. A call whose answer is late no longer counts. Default 2. */
  readonly concurrency?: number | undefined
  /** How long a call of the sender may take before it counts as unanswered, in milliseconds. Default 10 000. */
  readonly callTimeoutMs?: number | undefined
  /** How old a span may grow before it is no longer sent (`expired`), in milliseconds. Default 30 000. */
  readonly maxAgeMs?: number | undefined
  /**
   * Whether spans are sent from a thread of their own. Default false. The thread takes memory: 11 MB, or 25 MB with
   * Kinesis. Signing and TLS then take no time of the service's thread, and `process.exit()` and an uncaught error lose
   * no spans. Needs a sender of this package, made without a client of your own; any other sends from the service's
   * thread.
   */
  readonly worker?: boolean | undefined
}

/** What the wiring adds to a user's options. */
export interface Surroundings {
  /** Runs a function outside any request's context, untraced. Default: the function is only called. */
  readonly outside?: (<T>(fn: () => T) => T) | undefined
}

/** The options, checked and with their defaults, and what follows from them and from the sender's limits. */
export interface Settings {
  readonly maxSpans: number
  readonly maxBytes: number
  readonly lingerMs: number
  readonly drop: 'newest' | 'oldest'
  /** How many lists may be open at once; a span's trace ID decides between them. */
  readonly openLists: number
  readonly concurrency: number
  readonly callTimeoutMs: number
  readonly maxAgeMs: number
  readonly outside: <T>(fn: () => T) => T
  /** The most bytes and spans of a record. */
  readonly recordBytes: number
  readonly recordSpans: number
  /** What must be free for one more span: the buffers being written, and the copy of one when it is sealed. */
  readonly reservedBytes: number
  readonly maxRecords: number
  readonly maxCallBytes: number
  readonly atLeastOnce: boolean
  /** How the worker makes the sender; undefined when there is to be no worker. */
  readonly worker: SenderRecipe | undefined
}

/** The most bytes of a record: two of Kinesis's payload units of 25 KB. */
const RECORD_BYTES = 51_200
/** The same with `partition: 'trace'`, where many lists are open: one payload unit, with the record's key. */
const TRACE_RECORD_BYTES = 25_600 - 16
/**
 * How many lists traces are spread over. Never to be changed: the spans of a trace come together only if all services
 * use the same number.
 */
const TRACE_LISTS = 64

const LONGEST_TIMER = 2 ** 31 - 1

/** Checks the options and fills in their defaults. Throws an Error that says what to change. */
export function checkOptions(
  sender: Sender,
  encoder: Encoder,
  options: PublisherOptions & Surroundings,
): Settings {
  if (sender.encoding !== encoder.encoding) {
    throw new Error(`the sender takes ${sender.encoding}, but the encoder writes ${encoder.encoding}`)
  }
  const { drop = 'newest', partition = 'random', worker = false, outside = (fn) => fn() } = options
  if (drop !== 'newest' && drop !== 'oldest') {
    throw new Error(`publisher.drop must be 'newest' or 'oldest', not ${String(drop)}`)
  }
  if (partition !== 'random' && partition !== 'trace') {
    throw new Error(`publisher.partition must be 'random' or 'trace', not ${String(partition)}`)
  }
  if (typeof worker !== 'boolean') {
    throw new Error(`tdist: publisher.worker must be true or false, not ${String(worker)}`)
  }
  const byTrace = partition === 'trace'
  if (typeof outside !== 'function') throw new Error('publisher.outside must be a function')
  const maxSpans = number('publisher.maxSpans', options.maxSpans, 100_000, 1)
  const maxBytes = number('publisher.maxBytes', options.maxBytes, 16 << 20, byTrace ? 1 << 20 : 16 << 10)
  const maxRecords = number('sender.maxRecords', sender.maxRecords, 0, 1)
  const maxCallBytes = number('sender.maxCallBytes', sender.maxCallBytes, 0, 1024)
  const maxRecordBytes = number('sender.maxRecordBytes', sender.maxRecordBytes, 0, 1024)
  // Small bounds get small records, so that there are always some to send, to wait and to evict.
  const mostBytes = byTrace
    ? Math.min(TRACE_RECORD_BYTES, maxBytes / 4 / TRACE_LISTS)
    : Math.min(RECORD_BYTES, maxBytes / 8)
  const recordBytes = Math.floor(Math.min(maxRecordBytes, maxCallBytes, mostBytes))
  const openLists = byTrace ? TRACE_LISTS : 1
  return {
    maxSpans,
    maxBytes,
    lingerMs: milliseconds('publisher.lingerMs', options.lingerMs, 1000, 0),
    drop,
    openLists,
    concurrency: number('publisher.concurrency', options.concurrency, 2, 1),
    callTimeoutMs: milliseconds('publisher.callTimeoutMs', options.callTimeoutMs, 10_000, 1),
    maxAgeMs: milliseconds('publisher.maxAgeMs', options.maxAgeMs, 30_000, 1),
    outside,
    recordBytes,
    recordSpans: Math.ceil(maxSpans / 8),
    reservedBytes: (openLists + 1) * recordBytes + 1024,
    maxRecords,
    maxCallBytes,
    atLeastOnce: sender.atLeastOnce === true,
    worker: worker ? recipeFor(sender) : undefined,
  }
}

function milliseconds(name: string, value: number | undefined, fallback: number, least: number): number {
  return Math.min(number(name, value, fallback, least), LONGEST_TIMER)
}

function number(name: string, value: number | undefined, fallback: number, least: number): number {
  const given = value ?? fallback
  if (typeof given === 'number' && given >= least) return given
  throw new Error(`${name} must be a number of at least ${least}, not ${String(value)}`)
}

/** How long a flush may take, in milliseconds: `ms` where that is a number from 0 on, else 2000. */
export function deadline(ms: number | undefined): number {
  return typeof ms === 'number' && ms >= 0 ? Math.min(ms, LONGEST_TIMER) : 2000
}
