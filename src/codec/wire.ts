/*
 * The parts of protobuf's wire format (https://protobuf.dev/programming-guides/encoding/) that Zipkin's schema
 * uses. Every writer that may not fit takes a `limit`, returns the offset after what it wrote, or -1, and never
 * touches a byte at or past `limit`.
 */

/** The longest string written by the loop; a longer one is worth a call into Node's own writer. */
const SHORT = 48

/** How many bytes the varint of `value` takes, a whole number from 0 to 2^53. */
export function sizeOfVarint(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  if (value < 0x10000000) return 4
  return 4 + sizeOfVarint(Math.floor(value / 0x10000000))
}

/** Writes a one-byte field key and a varint, a whole number from 0 to 2^53. */
export function writeNumber(
  target: Uint8Array,
  offset: number,
  limit: number,
  key: number,
  value: number,
): number {
  if (offset + 1 + sizeOfVarint(value) > limit) return -1
  target[offset] = key
  return writeVarint(target, offset + 1, value)
}

/** Writes a varint, a whole number from 0 to 2^53, where there is known to be room. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let at = offset
  let wide = value
  // Bit operations work on 32 bits: what is above comes down by division.
  while (wide > 0x7fffffff) {
    target[at++] = (wide % 128) | 128
    wide = Math.floor(wide / 128)
  }
  let rest = wide | 0
  while (rest > 127) {
    target[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

/** Writes a fixed64, a whole number from 0 to 2^64, where there is known to be room. */
export function writeFixed64(target: Uint8Array, offset: number, value: number): number {
  const low = value >>> 0
  const high = ((value - low) / 0x100000000) >>> 0
  target[offset] = low
  target[offset + 1] = low >>> 8
  target[offset + 2] = low >>> 16
  target[offset + 3] = low >>> 24
  target[offset + 4] = high
  target[offset + 5] = high >>> 8
  target[offset + 6] = high >>> 16
  target[offset + 7] = high >>> 24
  return offset + 8
}

/**
 * Writes a one-byte field key, the string's length in UTF-8 and the string; a lone surrogate becomes U+FFFD. Throws
 * for what is no string.
 */
export function writeString(
  target: Buffer,
  offset: number,
  limit: number,
  key: number,
  text: string,
): number {
  const length = text.length
  const start = offset + 2
  const end = start + length
  if (end > limit) return -1
  if (length === undefined) throw new Error(`not a string in a span: ${String(text)}`)
  target[offset] = key
  if (length > SHORT) return writeLongString(target, offset + 1, limit, text)
  target[offset + 1] = length
  let i = 0
  // Four at a time is a quarter faster; a table of known keys or a call into Node for each string is slower.
  for (; i + 3 < length; i += 4) {
    const a = text.charCodeAt(i)
    const b = text.charCodeAt(i + 1)
    const c = text.charCodeAt(i + 2)
    const d = text.charCodeAt(i + 3)
    if ((a | b | c | d) > 127) return writeLongString(target, offset + 1, limit, text)
    target[start + i] = a
    target[start + i + 1] = b
    target[start + i + 2] = c
    target[start + i + 3] = d
  }
  for (; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return writeLongString(target, offset + 1, limit, text)
    target[start + i] = code
  }
  return end
}

function writeLongString(target: Buffer, offset: number, limit: number, text: string): number {
  const length = Buffer.byteLength(text)
  if (offset + sizeOfVarint(length) + length > limit) return -1
  const start = writeVarint(target, offset, length)
  return start + target.write(text, start, length)
}

/** What a hex digit stands for, by its code; -1 for any other character. */
const NIBBLES = new Int8Array(128).fill(-1)
for (let digit = 0; digit < 16; digit++) NIBBLES[digit.toString(16).charCodeAt(0)] = digit

/**
 * Writes a one-byte field key, the length and the bytes of an ID: 8 bytes or `longest`. Throws for what is not
 * lower-hex, of another length, or zero.
 */
export function writeId(
  target: Uint8Array,
  offset: number,
  limit: number,
  key: number,
  id: string,
  longest: number,
): number {
  const length = id.length >> 1
  if ((length !== 8 && length !== longest) || id.length & 1) throw notAnId(id)
  const start = offset + 2
  const end = start + length
  if (end > limit) return -1
  target[offset] = key
  target[offset + 1] = length
  let codes = 0
  let bytes = 0
  for (let i = 0, at = start; at < end; at++, i += 2) {
    const high = id.charCodeAt(i)
    const low = id.charCodeAt(i + 1)
    const byte = (NIBBLES[high & 127]! << 4) | NIBBLES[low & 127]!
    codes |= high | low
    bytes |= byte
    target[at] = byte
  }
  // A character that is no hex digit has set the sign.
  if (bytes <= 0 || codes > 127) throw notAnId(id)
  return end
}

/** The error for an ID that no collector would take. */
export function notAnId(id: unknown): Error {
  return new Error(`not a Zipkin ID of 16 or 32 lower-hex characters: ${JSON.stringify(id)}`)
}

/**
 * Puts the length of a message before its body, for which `reserved` bytes were left free at `start - reserved`;
 * moves the body when the length takes more or less. Returns the offset after the body, or -1.
 */
export function closeMessage(
  target: Uint8Array,
  start: number,
  end: number,
  limit: number,
  reserved: number,
): number {
  const length = end - start
  const shift = sizeOfVarint(length) - reserved
  if (shift !== 0) {
    if (end + shift > limit) return -1
    target.copyWithin(start + shift, start, end)
  }
  writeVarint(target, start - reserved, length)
  return end + shift
}
