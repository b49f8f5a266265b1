/**
 * Keeps the memory of one record that was dropped and never lent out, for the next. Memory outside the heap is freed
 * only when garbage is collected, and a publisher that drops the oldest would have many times its bound waiting
 * for that.
 */
export class SpareBuffer {
  #spare: ArrayBufferLike | undefined

  /** Nobody else may hold these bytes. */
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
