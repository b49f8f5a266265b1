import type { Encoder } from '../codec/encoder.ts'
import type { Sender } from './sender.ts'

/** How a publisher holds and sends spans. */
export interface PublisherOptions {
  /** The most spans held at once, those in flight and to be sent again included. Default 100 000. */
  readonly maxSpans?: number | undefined
  /** The most bytes of memory they may take. Default 16 MiB, at least 16 KiB. Per process. */
  readonly maxBytes?: number | undefined
  /** How long a span may wait for others to share its record, in milliseconds. Default 1000. */
  readonly lingerMs?: number | undefined
  /** Which spans are dropped when it is full: the `newest` (the default), or the `oldest` that wait. */
  readonly drop?: 'newest' | 'oldest' | undefined
  /** How many calls may be in flight at once. Default 2. */
  readonly concurrency?: number | undefined
  /** How long a call may take before its spans are in doubt, in milliseconds. Default 10 000. */
  readonly callTimeoutMs?: number | undefined
  /** How old a span may grow before it is no longer sent (`expired`), in milliseconds. Default 30 000. */
  readonly maxAgeMs?: number | undefined
}

/** What the wiring adds to a user's options. */
export interface Surroundings {
  /** Runs a function outside any request's context, untraced. By default it is only called. */
  readonly outside?: (<T>(fn: () => T) => T) | undefined
}

/** The options, checked and complete, and what follows from them and from the sender's limits. */
export interface Settings {
  readonly maxSpans: number
  readonly maxBytes: number
  readonly lingerMs: number
  readonly drop: 'newest' | 'oldest'
  readonly concurrency: number
  readonly callTimeoutMs: number
  readonly maxAgeMs: number
  readonly outside: <T>(fn: () => T) => T
  /** The most bytes and spans of a record. */
  readonly recordBytes: number
  readonly recordSpans: number
  /** What must be free for one more span: the buffer being written, and its copy when it is sealed. */
  readonly reservedBytes: number
  readonly maxRecords: number
  readonly maxCallBytes: number
}

/** Two of Kinesis's 25 KB payload units. */
const RECORD_BYTES = 51_200

const LONGEST_TIMER = 2 ** 31 - 1

/** Throws an error that says what to change. */
export function checkOptions(
  sender: Sender,
  encoder: Encoder,
  options: PublisherOptions & Surroundings,
): Settings {
  if (sender.encoding !== encoder.encoding) {
    throw new Error(`tdist: the sender takes ${sender.encoding}, but the encoder writes ${encoder.encoding}`)
  }
  const { drop = 'newest', outside = (fn) => fn() } = options
  if (drop !== 'newest' && drop !== 'oldest') {
    throw new Error(`tdist: publisher.drop must be 'newest' or 'oldest', not ${String(drop)}`)
  }
  if (typeof outside !== 'function') throw new Error('tdist: publisher.outside must be a function')
  const maxSpans = number('publisher.maxSpans', options.maxSpans, 100_000, 1)
  const maxBytes = number('publisher.maxBytes', options.maxBytes, 16 << 20, 16 << 10)
  const maxRecords = number('sender.maxRecords', sender.maxRecords, 0, 1)
  const maxCallBytes = number('sender.maxCallBytes', sender.maxCallBytes, 0, 1024)
  const maxRecordBytes = number('sender.maxRecordBytes', sender.maxRecordBytes, 0, 1024)
  // Small bounds get small records, so that there are always some to send, to wait and to evict.
  const recordBytes = Math.floor(Math.min(maxRecordBytes, maxCallBytes, RECORD_BYTES, maxBytes / 8))
  return {
    maxSpans,
    maxBytes,
    lingerMs: milliseconds('publisher.lingerMs', options.lingerMs, 1000, 0),
    drop,
    concurrency: number('publisher.concurrency', options.concurrency, 2, 1),
    callTimeoutMs: milliseconds('publisher.callTimeoutMs', options.callTimeoutMs, 10_000, 1),
    maxAgeMs: milliseconds('publisher.maxAgeMs', options.maxAgeMs, 30_000, 1),
    outside,
    recordBytes,
    recordSpans: Math.ceil(maxSpans / 8),
    reservedBytes: 2 * recordBytes + 1024,
    maxRecords,
    maxCallBytes,
  }
}

function milliseconds(name: string, value: number | undefined, fallback: number, least: number): number {
  return Math.min(number(name, value, fallback, least), LONGEST_TIMER)
}

function number(name: string, value: number | undefined, fallback: number, least: number): number {
  const given = value ?? fallback
  if (typeof given === 'number' && given >= least) return given
  throw new Error(`tdist: ${name} must be a number of at least ${least}, not ${String(value)}`)
}

/** How long a flush may take: 2000 ms unless told otherwise in a way that makes sense. */
export function deadline(ms: number | undefined): number {
  return typeof ms === 'number' && ms >= 0 ? Math.min(ms, LONGEST_TIMER) : 2000
}
