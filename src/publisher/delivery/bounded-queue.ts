import type { SpanRecord } from '../senders/sender.ts'

/** A sealed list of spans, ready to be sent. */
export interface QueuedRecord extends SpanRecord {
  /** The record's number: its publisher numbers its records from 1. */
  readonly number: number
  /** When its first span came, in monotonic milliseconds. */
  readonly since: number
  /** Whether a sender has had it. */
  wasSent: boolean
  /** Whether it may be stored already: a call it was in got no answer. */
  doubtful: boolean
}

/** How many bytes a record costs beside its own: two objects, a buffer's backing store and a slot (measured: 750). */
const RECORD_OVERHEAD = 768

function memoryOf({ bytes }: QueuedRecord): number {
  return bytes.buffer.byteLength + RECORD_OVERHEAD
}

/**
 * Records first in, first out, bounded by spans and by bytes. A record taken out to be sent still counts
 * until it is released, or is put back at the head to be sent again.
 */
export class BoundedQueue {
  readonly #maxSpans: number
  readonly #maxBytes: number
  #ring: (QueuedRecord | undefined)[] = Array.from({ length: 64 })
  #head = 0
  #length = 0
  #taken = 0
  #waitingSpans = 0
  #takenSpans = 0
  #bytes = 0

  constructor(maxSpans: number, maxBytes: number) {
    this.#maxSpans = maxSpans
    this.#maxBytes = maxBytes
  }

  /** How many records wait or are taken. */
  get records(): number {
    return this.#length + this.#taken
  }

  /** How many records wait. */
  get length(): number {
    return this.#length
  }

  get waitingSpans(): number {
    return this.#waitingSpans
  }

  get takenSpans(): number {
    return this.#takenSpans
  }

  /** Memory held by records that wait or are taken. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether so many more spans and bytes would fit. */
  hasRoom(spans: number, bytes: number): boolean {
    return (
      this.#waitingSpans + this.#takenSpans + spans <= this.#maxSpans && this.#bytes + bytes <= this.#maxBytes
    )
  }

  /** Adds a record at the tail. The caller has asked `hasRoom`. */
  push(record: QueuedRecord): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = record
    this.#length++
    this.#waitingSpans += record.spans
    this.#bytes += memoryOf(record)
  }

  peek(): QueuedRecord | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head]
  }

  /** Takes the head out to be sent: it counts until `release` or `putBack`. */
  take(): QueuedRecord | undefined {
    const record = this.#shift()
    if (record === undefined) return undefined
    this.#taken++
    this.#takenSpans += record.spans
    return record
  }

  /** Takes the head out for good: it no longer counts. */
  evict(): QueuedRecord | undefined {
    const record = this.#shift()
    if (record !== undefined) this.#bytes -= memoryOf(record)
    return record
  }

  /** A taken record is done with. */
  release(record: QueuedRecord): void {
    this.#taken--
    this.#takenSpans -= record.spans
    this.#bytes -= memoryOf(record)
  }

  /** A taken record goes back to the head. */
  putBack(record: QueuedRecord): void {
    this.#taken--
    this.#takenSpans -= record.spans
    if (this.#length === this.#ring.length) this.#grow()
    this.#head = (this.#head - 1) & (this.#ring.length - 1)
    this.#ring[this.#head] = record
    this.#length++
    this.#waitingSpans += record.spans
  }

  /** Forgets all, taken or not. */
  clear(): void {
    this.#ring.fill(undefined)
    this.#length = this.#taken = this.#waitingSpans = this.#takenSpans = this.#bytes = 0
  }

  #shift(): QueuedRecord | undefined {
    const record = this.peek()
    if (record === undefined) return undefined
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length--
    this.#waitingSpans -= record.spans
    return record
  }

  #grow(): void {
    const { length } = this.#ring
    const larger = Array.from<QueuedRecord | undefined>({ length: length * 2 })
    for (let i = 0; i < length; i++) larger[i] = this.#ring[(this.#head + i) & (length - 1)]
    this.#ring = larger
    this.#head = 0
  }
}
