/** Reads a protobuf message field by field. Throws an Error for bytes that are cut short or malformed. */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0
  #end: number

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#end = bytes.byteLength
  }

  /** Whether the message being read has more. */
  get more(): boolean {
    return this.#at < this.#end
  }

  /** A varint of up to 64 bits; beyond 2^53 it is not exact. */
  varint(): number {
    let value = 0
    for (let scale = 1, read = 0; read < 10; read++, scale *= 128) {
      const byte = this.#bytes[this.#advance(1)]!
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw new Error(`malformed protobuf: a number of more than 10 bytes before byte ${this.#at}`)
  }

  /** A fixed64; beyond 2^53 it is not exact. */
  fixed64(): number {
    const at = this.#advance(8)
    return this.#bytes.readUInt32LE(at + 4) * 0x100000000 + this.#bytes.readUInt32LE(at)
  }

  string(): string {
    const length = this.varint()
    const at = this.#advance(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  /** A view of the bytes, not a copy. */
  bytes(): Buffer {
    const length = this.varint()
    const at = this.#advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  hex(): string {
    const length = this.varint()
    const at = this.#advance(length)
    return this.#bytes.toString('hex', at, at + length)
  }

  /** Goes into the message that begins here; returns what `leave` takes at its end. */
  enter(): number {
    const length = this.varint()
    const outer = this.#end
    if (length > outer - this.#at) throw cutShort(outer)
    this.#end = this.#at + length
    return outer
  }

  leave(outer: number): void {
    this.#end = outer
  }

  /** Passes over the value of a field that is not known, by the wire type in its key. */
  skip(key: number): void {
    const wireType = key % 8
    if (key < 8) throw new Error(`malformed protobuf: field number 0 before byte ${this.#at}`)
    if (wireType === 0) this.varint()
    else if (wireType === 1) this.#advance(8)
    else if (wireType === 2) this.#advance(this.varint())
    else if (wireType === 5) this.#advance(4)
    else throw new Error(`malformed protobuf: wire type ${wireType} before byte ${this.#at}`)
  }

  /** Moves past `length` bytes and returns where they begin. */
  #advance(length: number): number {
    const at = this.#at
    if (length > this.#end - at) throw cutShort(this.#end)
    this.#at = at + length
    return at
  }
}

function cutShort(end: number): Error {
  return new Error(`malformed protobuf: cut short at byte ${end}`)
}
