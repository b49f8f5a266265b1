import type { Encoder } from './encoder.ts'
import { readEndpoint, writeEndpoint, writeKnownEndpoint } from './proto3-endpoint.ts'
import { readTag, TAG, writeTag } from './proto3-tag.ts'
import { ownsNoneOf, type SharedTags } from './shared-tags.ts'
import { closeMessage, writeFixed64, writeId, writeNumber, writeString } from './wire.ts'
import { WireReader } from './wire-reader.ts'
import { type Annotation, isMicros, KINDS, type ZipkinSpan } from './zipkin-span.ts'

/*
 * Zipkin's proto3: https://github.com/openzipkin/zipkin-api/blob/master/zipkin.proto
 * A field's key is its number << 3 | its wire type (0 varint, 1 fixed64, 2 length-delimited).
 */
const SPAN = 0x0a
const TRACE_ID = 0x0a
const PARENT_ID = 0x12
const ID = 0x1a
const KIND = 0x20
const NAME = 0x2a
const TIMESTAMP = 0x31
const DURATION = 0x38
const LOCAL_ENDPOINT = 0x42
const REMOTE_ENDPOINT = 0x4a
const ANNOTATION = 0x52
const DEBUG = 0x60
const SHARED = 0x68
const ANNOTATION_TIMESTAMP = 0x09
const ANNOTATION_VALUE = 0x12

/**
 * Writes Zipkin's `ListOfSpans`, byte for byte what protobuf's own libraries write: fields in the order of their
 * numbers, tags in the order they were set, and nothing for what is unset, empty or zero. Since a list is no more than
 * its spans one after another, start and end write nothing.
 *
 * Any string is written, a lone surrogate as U+FFFD. Times below 1 or above 2^53, and ports and addresses that are not
 * valid, are left out. Fractions of a microsecond are cut off, and tag values become strings. `write` throws an Error
 * for an ID that is not 16 (trace IDs: or 32) lower-hex characters or is zero, since one such span makes a collector
 * refuse the whole list, and for a name or annotation that is no string.
 */
export const proto3Encoder: Encoder = {
  encoding: 'proto3',
  contentType: 'application/x-protobuf',
  listOverhead: 0,
  start: (_target, offset) => offset,
  end: (_target, offset) => offset,

  write(target, offset, limit, span, _first, shared) {
    const space = limit - offset
    if (space < 2) return -1
    // Most spans need two bytes of length; where so little is left that only a shorter span can fit, one.
    const reserved = space < 131 ? 1 : 2
    const start = offset + 1 + reserved
    target[offset] = SPAN
    const end = writeSpan(target, start, limit, span, shared)
    return end < 0 ? -1 : closeMessage(target, start, end, limit, reserved)
  },
}

function writeSpan(
  target: Buffer,
  offset: number,
  limit: number,
  span: ZipkinSpan,
  shared: SharedTags | undefined,
): number {
  const { parentId, kind, name, timestamp, duration, localEndpoint, remoteEndpoint, annotations, tags } = span
  let at = writeId(target, offset, limit, TRACE_ID, span.traceId, 16)
  if (at >= 0 && parentId) at = writeId(target, at, limit, PARENT_ID, parentId, 8)
  if (at >= 0) at = writeId(target, at, limit, ID, span.id, 8)
  if (at < 0) return -1

  if (kind !== undefined) {
    const number = kind === 'SERVER' ? 2 : kind === 'CLIENT' ? 1 : KINDS.indexOf(kind) + 1
    if (number > 0) {
      if (at + 2 > limit) return -1
      target[at++] = KIND
      target[at++] = number
    }
  }
  if (name) {
    at = writeString(target, at, limit, NAME, name)
    if (at < 0) return -1
  }
  if (isMicros(timestamp)) {
    if (at + 9 > limit) return -1
    target[at++] = TIMESTAMP
    at = writeFixed64(target, at, timestamp)
  }
  if (isMicros(duration)) {
    at = writeNumber(target, at, limit, DURATION, Math.floor(duration))
    if (at < 0) return -1
  }
  if (localEndpoint) {
    at = writeKnownEndpoint(target, at, limit, LOCAL_ENDPOINT, localEndpoint)
    if (at < 0) return -1
  }
  if (remoteEndpoint) {
    at = writeEndpoint(target, at, limit, REMOTE_ENDPOINT, remoteEndpoint)
    if (at < 0) return -1
  }
  if (annotations) {
    for (let i = 0; i < annotations.length; i++) {
      at = writeAnnotation(target, at, limit, annotations[i]!)
      if (at < 0) return -1
    }
  }
  if (tags) {
    for (const key in tags) {
      if (!Object.hasOwn(tags, key)) continue
      const value = tags[key] as string | number | boolean | null | undefined
      if (value === undefined || value === null) continue
      at = writeTag(target, at, limit, key, typeof value === 'string' ? value : String(value))
      if (at < 0) return -1
    }
  }
  if (shared) {
    at = writeShared(target, at, limit, shared, tags)
    if (at < 0) return -1
  }
  if (span.debug) at = writeNumber(target, at, limit, DEBUG, 1)
  if (at >= 0 && span.shared) at = writeNumber(target, at, limit, SHARED, 1)
  return at
}

function writeShared(
  target: Buffer,
  offset: number,
  limit: number,
  { keys, tags, proto3 }: SharedTags,
  own: ZipkinSpan['tags'],
): number {
  if (ownsNoneOf(keys, own)) {
    const end = offset + proto3.length
    if (end > limit) return -1
    target.set(proto3, offset)
    return end
  }
  let at = offset
  for (const key of keys) {
    if (Object.hasOwn(own!, key)) continue
    at = writeTag(target, at, limit, key, tags[key]!)
    if (at < 0) return -1
  }
  return at
}

function writeAnnotation(target: Buffer, offset: number, limit: number, annotation: Annotation): number {
  const { timestamp, value } = annotation
  const reserved = value.length > 125 ? 2 : 1
  const start = offset + 1 + reserved
  if (start > limit) return -1
  target[offset] = ANNOTATION
  let at = start
  if (isMicros(timestamp)) {
    if (at + 9 > limit) return -1
    target[at] = ANNOTATION_TIMESTAMP
    at = writeFixed64(target, at + 1, timestamp)
  }
  if (value) at = writeString(target, at, limit, ANNOTATION_VALUE, value)
  return at < 0 ? -1 : closeMessage(target, start, at, limit, reserved)
}

/** Reads a `ListOfSpans` as it stands: unknown fields are passed over, malformed bytes are an Error. */
export function decodeProto3(bytes: Uint8Array): ZipkinSpan[] {
  const reader = new WireReader(bytes)
  const spans: ZipkinSpan[] = []
  while (reader.more) {
    const key = reader.varint()
    if (key === SPAN) spans.push(readSpan(reader))
    else reader.skip(key)
  }
  return spans
}

function readSpan(reader: WireReader): ZipkinSpan {
  const span: ZipkinSpan = { traceId: '', id: '' }
  const outer = reader.enter()
  while (reader.more) {
    const key = reader.varint()
    switch (key) {
      case TRACE_ID:
        span.traceId = reader.hex()
        break
      case PARENT_ID:
        span.parentId = reader.hex()
        break
      case ID:
        span.id = reader.hex()
        break
      case KIND: {
        const kind = KINDS[reader.varint() - 1]
        if (kind) span.kind = kind
        break
      }
      case NAME:
        span.name = reader.string()
        break
      case TIMESTAMP:
        span.timestamp = reader.fixed64()
        break
      case DURATION:
        span.duration = reader.varint()
        break
      case LOCAL_ENDPOINT:
        span.localEndpoint = readEndpoint(reader)
        break
      case REMOTE_ENDPOINT:
        span.remoteEndpoint = readEndpoint(reader)
        break
      case ANNOTATION:
        ;(span.annotations ??= []).push(readAnnotation(reader))
        break
      case TAG:
        readTag(reader, (span.tags ??= Object.create(null) as Record<string, string>))
        break
      case DEBUG:
        span.debug = reader.varint() !== 0
        break
      case SHARED:
        span.shared = reader.varint() !== 0
        break
      default:
        reader.skip(key)
    }
  }
  reader.leave(outer)
  if (!span.traceId || !span.id) throw new Error(`a span without ${span.traceId ? 'id' : 'traceId'}`)
  return span
}

function readAnnotation(reader: WireReader): Annotation {
  let timestamp = 0
  let value = ''
  const outer = reader.enter()
  while (reader.more) {
    const key = reader.varint()
    if (key === ANNOTATION_TIMESTAMP) timestamp = reader.fixed64()
    else if (key === ANNOTATION_VALUE) value = reader.string()
    else reader.skip(key)
  }
  reader.leave(outer)
  return { timestamp, value }
}
