/*
 * The field that carries a trace in a call's arguments: id 8888, a map of strings. OpenTelemetry Java and SkyWalking
 * use the same one; whoever does not know it skips it, as every reader of Thrift skips fields that it does not know.
 */
export const FIELD_ID = 8888

/**
 * The key by which a client says that it reads a frame before the reply. From the reply it learns what its peer knows.
 */
export const READS_FRAMES = 'tdist'

/** The limits of OpenTelemetry Java: a map with more entries, or longer ones, is not ours. */
const MAX_ENTRIES = 100
const MAX_BYTES = 8192

const MAP = 13
const STRING = 11

/** What of a Thrift protocol is needed to write the field. */
export interface FieldOutput {
  readonly trans: { write(bytes: Buffer): void }
  lastFieldId_?: number
  writeFieldBegin(name: string, type: number, id: number): void
  writeFieldEnd(): void
  writeMapBegin(keyType: number, valueType: number, size: number): void
  writeMapEnd(): void
  writeString(text: string): void
}

/** What of a Thrift protocol is needed to read the field. */
export interface FieldInput {
  readMapBegin(): { readonly ktype: number; readonly vtype: number; readonly size: number }
  readMapEnd(): void
  readString(): unknown
  skip(type: number): void
}

export type FieldWriter = (output: FieldOutput, entries: readonly string[]) => void

/** Writes the field: names and values in turn. Works with every protocol. */
export const writeField: FieldWriter = (output, entries) => {
  output.writeFieldBegin('', MAP, FIELD_ID)
  output.writeMapBegin(STRING, STRING, entries.length / 2)
  for (const text of entries) output.writeString(text)
  output.writeMapEnd()
  output.writeFieldEnd()
}

/** Writes the field for TBinaryProtocol, in one piece: the protocol itself makes a buffer of each number. */
export const writeBinaryField: FieldWriter = (output, entries) => {
  let length = 9
  for (const text of entries) length += 4 + Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(length)
  bytes[0] = MAP
  bytes[1] = FIELD_ID >> 8
  bytes[2] = FIELD_ID & 0xff
  bytes[3] = bytes[4] = STRING
  let at = bytes.writeInt32BE(entries.length / 2, 5)
  for (const text of entries) {
    const written = bytes.write(text, at + 4)
    bytes.writeInt32BE(written, at)
    at += 4 + written
  }
  output.trans.write(bytes)
}

const COMPACT_MAP = 0x0b
const COMPACT_STRINGS = 0x88

/** Writes the field for TCompactProtocol, in one piece. It writes an ID as the distance to the one before. */
export const writeCompactField: FieldWriter = (output, entries) => {
  const lengths = entries.map((text) => Buffer.byteLength(text))
  const size = lengths.reduce((sum, length) => sum + varintSize(length) + length, 0)
  const count = entries.length / 2
  const bytes = Buffer.allocUnsafe(1 + 3 + varintSize(count) + 1 + size)
  // An ID that is more than 15 away stands whole after the type, in zigzag.
  bytes[0] = COMPACT_MAP
  let at = writeVarint(bytes, 1, FIELD_ID << 1)
  at = writeVarint(bytes, at, count)
  bytes[at++] = COMPACT_STRINGS
  for (const [i, text] of entries.entries()) {
    at = writeVarint(bytes, at, lengths[i]!)
    at += bytes.write(text, at)
  }
  output.trans.write(bytes)
  output.lastFieldId_ = FIELD_ID
}

/** Whether a field of this type and ID is the one that carries a trace. */
export function isTraceField(type: number, id: number): boolean {
  return id === FIELD_ID && type === MAP
}

/**
 * Reads the field's map, which begins here. Undefined when it is somebody else's: of other types, or too large. Either
 * way the protocol stands after it. Throws what the protocol throws, as when the bytes end.
 */
export function readField(input: FieldInput): Map<string, string> | undefined {
  const { ktype, vtype, size } = input.readMapBegin()
  // An empty map has no types in some protocols.
  if (size > 0 && (ktype !== STRING || vtype !== STRING)) {
    for (let i = 0; i < size; i++) {
      input.skip(ktype)
      input.skip(vtype)
    }
    input.readMapEnd()
    return undefined
  }
  const map = new Map<string, string>()
  let length = 0
  for (let i = 0; i < size; i++) {
    // What is over the limits is read and forgotten: the stream has to go on.
    const key = input.readString()
    const value = input.readString()
    if (typeof key !== 'string' || typeof value !== 'string') continue
    length += key.length + value.length
    if (size <= MAX_ENTRIES && length <= MAX_BYTES) map.set(key.toLowerCase(), value)
  }
  input.readMapEnd()
  return length <= MAX_BYTES && map.size > 0 ? map : undefined
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  while (value >= 0x80) {
    bytes[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[at++] = value
  return at
}
