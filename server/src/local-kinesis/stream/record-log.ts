/** A record as a shard keeps it. */
export interface StoredRecord {
  readonly partitionKey: string
  readonly data: Buffer
  /** Epoch milliseconds; never goes back within a shard. */
  readonly arrivedAt: number
  /** Data and partition key, in bytes: what the limits count. */
  readonly bytes: number
}

/**
 * The records of one shard, oldest first, in a ring: adding one, finding one by its place and dropping the oldest
 * all take the same time however many there are. Places count up from 1 and are never used again.
 */
export class RecordLog {
  /** Place of the oldest record still held. */
  first = 1
  /** Place the next record will have. */
  next = 1
  /** Bytes held. */
  bytes = 0
  #slots: (StoredRecord | undefined)[] = Array.from({ length: 64 })

  /** Adds a record and returns its place. */
  push(record: StoredRecord): number {
    if (this.next - this.first === this.#slots.length) this.#grow()
    this.#slots[this.next & (this.#slots.length - 1)] = record
    this.bytes += record.bytes
    return this.next++
  }

  /** The record at a place; undefined when it was dropped or is not there yet. */
  get(place: number): StoredRecord | undefined {
    if (place < this.first || place >= this.next) return undefined
    return this.#slots[place & (this.#slots.length - 1)]
  }

  /** Drops the oldest record. */
  dropFirst(): void {
    const record = this.get(this.first)
    if (!record) return
    this.#slots[this.first & (this.#slots.length - 1)] = undefined
    this.bytes -= record.bytes
    this.first++
  }

  /** The place of the first record that arrived at `time` or later; `next` when there is none. */
  firstSince(time: number): number {
    let low = this.first
    let high = this.next
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.get(middle)!.arrivedAt < time) low = middle + 1
      else high = middle
    }
    return low
  }

  #grow(): void {
    const larger: (StoredRecord | undefined)[] = Array.from({ length: this.#slots.length * 2 })
    for (let place = this.first; place < this.next; place++)
      larger[place & (larger.length - 1)] = this.get(place)
    this.#slots = larger
  }
}
