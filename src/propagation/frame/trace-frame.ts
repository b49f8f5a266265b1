import { traceContext, type TraceContext, type Extra } from '../../span/trace-context.ts'
import { crc16 } from './crc16.ts'
import { extraFields, readFields } from './frame-fields.ts'
import { isHexId, writeHexId } from '../hex-id.ts'
import type { Extracted } from '../propagation.ts'

/*
 * The trace frame of docs/wire-format.md: what stands before a Thrift message, or before a Kafka message's value, big
 * endian. No text and no other protocol's message begins with C1.
 */
const MAGIC = [0xc1, 0x54, 0x44] as const
/** Major 1, minor 0. A reader takes every minor of its major: what it does not know lies inside N, and is skipped. */
const VERSION = 0x10
/** Magic, version and N, which counts the bytes that follow: the checksum is among them. */
const HEAD = 6
const CHECKSUM = 2
/** The most bytes that N may count: for more a stream would wait, and they might never come. */
const MAX_N = 4096

const DECIDED = 0x01
const SAMPLED = 0x02
const DEBUG = 0x04
const PARENT = 0x08
const TRACE_128 = 0x10
const FIELDS = 0x20
const CONTEXT = 0x40
const REPLY = 0x80

/** What was read: the frame's length in bytes, and what it says. */
export interface TraceFrame {
  readonly length: number
  /** Undefined when it says nothing: an empty frame, which only marks that the payload itself looks like one. */
  readonly extracted: Extracted | undefined
  /** Whether it stands before a reply. */
  readonly reply: boolean
  /** The name of the service that wrote the frame; undefined where it did not say. */
  readonly caller: string | undefined
}

/**
 * The frame of a context, its baggage and tracestate included; without a context the empty frame. Fields that would
 * make it longer than a reader believes (4096 bytes) are left out, the last first. `room` bytes are left free behind
 * it.
 */
export function encodeTraceFrame(
  context: TraceContext | undefined,
  { reply = false, caller }: { readonly reply?: boolean; readonly caller?: string } = {},
  room = 0,
): Buffer {
  let flags = reply ? REPLY : 0
  let n = 1 + CHECKSUM
  if (context !== undefined) {
    flags |= CONTEXT
    if (context.sampled !== undefined) flags |= context.sampled ? DECIDED | SAMPLED : DECIDED
    if (context.debug) flags |= DEBUG
    if (context.parentId !== undefined) flags |= PARENT
    if (context.traceId.length === 32) flags |= TRACE_128
    n += (context.traceId.length + 16 + (context.parentId?.length ?? 0)) >> 1
  }
  const fields = extraFields(context?.extra, caller, MAX_N - n)
  if (fields !== undefined) {
    flags |= FIELDS
    n += fields.length
  }
  const frame = Buffer.allocUnsafe(HEAD + n + room)
  frame[0] = MAGIC[0]
  frame[1] = MAGIC[1]
  frame[2] = MAGIC[2]
  frame[3] = VERSION
  frame[4] = n >> 8
  frame[5] = n & 0xff
  frame[6] = flags
  let at = HEAD + 1
  if (context !== undefined) {
    at = writeHexId(context.traceId, frame, at)
    at = writeHexId(context.spanId, frame, at)
    if (context.parentId !== undefined) at = writeHexId(context.parentId, frame, at)
  }
  if (fields !== undefined) frame.set(fields, at)
  const end = HEAD + n - CHECKSUM
  const checksum = crc16(frame, 0, end)
  frame[end] = checksum >> 8
  frame[end + 1] = checksum & 0xff
  return frame
}

/**
 * Whether the bytes from `start` are the beginning of a frame, as far as there are any: true of a part of the magic,
 * false of no bytes at all.
 */
export function isFrameStart(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end || bytes[start] !== MAGIC[0]) return false
  if (start + 1 < end && bytes[start + 1] !== MAGIC[1]) return false
  return start + 2 >= end || bytes[start + 2] === MAGIC[2]
}

/**
 * The length in bytes of a whole frame that begins like this, as it says itself. 0 when too few bytes are there to
 * tell, -1 when it is none: another major version, or longer than is believed.
 */
export function frameLength(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < HEAD) return 0
  const n = (bytes[start + 4]! << 8) + bytes[start + 5]!
  return bytes[start + 3]! >> 4 === VERSION >> 4 && n <= MAX_N ? HEAD + n : -1
}

/**
 * Reads the frame that begins at `start`. Undefined when there is none: another major version, a wrong checksum, an N
 * that is over 4096 or too short for its flags, or bytes that end before it does. An ID of zeros is no context.
 */
export function decodeTraceFrame(bytes: Buffer, start: number, end: number): TraceFrame | undefined {
  if (!isFrameStart(bytes, start, end)) return undefined
  const length = frameLength(bytes, start, end)
  if (length <= HEAD + CHECKSUM || start + length > end) return undefined
  const fieldsEnd = start + length - CHECKSUM
  const checksum = (bytes[fieldsEnd]! << 8) | bytes[fieldsEnd + 1]!
  const flags = bytes[start + HEAD]!
  const idsAt = start + HEAD + 1
  const fieldsAt = idsAt + (flags & CONTEXT ? idsLength(flags) : 0)
  if (fieldsAt > fieldsEnd || crc16(bytes, start, fieldsEnd) !== checksum) return undefined

  const fields = flags & FIELDS ? readFields(bytes, fieldsAt, fieldsEnd) : undefined
  if (fields === undefined && flags & FIELDS) return undefined
  const debug = (flags & DEBUG) !== 0
  const sampled = debug ? true : flags & DECIDED ? (flags & SAMPLED) !== 0 : undefined
  const context = flags & CONTEXT ? contextAt(bytes, idsAt, flags, sampled, fields?.extra) : undefined
  // IDs of zeros are somebody's mistake: what else the frame says is not believed either.
  const isVoid = context === undefined && (flags & CONTEXT) !== 0
  return {
    length,
    extracted: isVoid ? undefined : said(context, sampled, debug, fields?.extra),
    reply: (flags & REPLY) !== 0,
    caller: fields?.caller,
  }
}

function idsLength(flags: number): number {
  return (flags & TRACE_128 ? 24 : 16) + (flags & PARENT ? 8 : 0)
}

function contextAt(
  bytes: Buffer,
  at: number,
  flags: number,
  sampled: boolean | undefined,
  extra: Extra | undefined,
): TraceContext | undefined {
  const ids = bytes.toString('hex', at, at + idsLength(flags))
  const width = flags & TRACE_128 ? 32 : 16
  if (!isHexId(ids, 0, width) || !isHexId(ids, width, width + 16)) return undefined
  const parent = flags & PARENT && isHexId(ids, width + 16, width + 32)
  const parentId = parent ? ids.slice(width + 16) : undefined
  const debug = (flags & DEBUG) !== 0
  return traceContext(
    ids.slice(0, width),
    ids.slice(width, width + 16),
    parentId,
    sampled,
    debug,
    false,
    extra,
  )
}

function said(
  context: TraceContext | undefined,
  sampled: boolean | undefined,
  debug: boolean,
  extra: Extra | undefined,
): Extracted | undefined {
  if (context === undefined && sampled === undefined && extra === undefined) return undefined
  return { context, sampled, debug, joinable: true, extra }
}
