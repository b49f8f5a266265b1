import { closeMessage, writeString } from './wire.ts'
import type { WireReader } from './wire-reader.ts'

/** The field of a span that each of its tags is: an entry of protobuf's map. */
export const TAG = 0x5a
const KEY = 0x0a
const VALUE = 0x12

/** Writes a tag as a field of a span. Returns the offset after it, or -1. */
export function writeTag(target: Buffer, offset: number, limit: number, key: string, value: string): number {
  const reserved = key.length + value.length > 123 ? 2 : 1
  const start = offset + 1 + reserved
  if (start > limit) return -1
  target[offset] = TAG
  let at = writeString(target, start, limit, KEY, key)
  if (at < 0) return -1
  at = writeString(target, at, limit, VALUE, value)
  return at < 0 ? -1 : closeMessage(target, start, at, limit, reserved)
}

/** Reads the tag that begins here into `tags`. */
export function readTag(reader: WireReader, tags: Record<string, string>): void {
  let name = ''
  let value = ''
  const outer = reader.enter()
  while (reader.more) {
    const key = reader.varint()
    if (key === KEY) name = reader.string()
    else if (key === VALUE) value = reader.string()
    else reader.skip(key)
  }
  reader.leave(outer)
  tags[name] = value
}
