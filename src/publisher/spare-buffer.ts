/**
 * Keeps the memory of one record that was dropped before it was sent, for the next record. Memory outside the heap is
 * freed only when garbage is collected: a publisher that drops its oldest records would hold many times its bound until
 * then.
 */
export class SpareBuffer {
  #spare: ArrayBufferLike | undefined

  /** Takes the memory of a record. Nobody else may hold these bytes. */
  keep(bytes: Uint8Array): void {
    if (bytes.buffer.byteLength > (this.#spare?.byteLength ?? 0)) this.#spare = bytes.buffer
  }

  /** A buffer of this length, on memory of up to `capacity` bytes. */
  take(length: number, capacity: number): Buffer {
    const spare = this.#spare
    if (spare === undefined || spare.byteLength < length || spare.byteLength > capacity) {
      return Buffer.allocUnsafeSlow(capacity).subarray(0, length)
    }
    this.#spare = undefined
    return Buffer.from(spare, 0, length)
  }
}
