/** How values are spread: how many fell into each bucket, and their sum. */
export interface HistogramStats {
  /** The highest value of each bucket, ascending. One more bucket takes all values above. */
  readonly bounds: readonly number[]
  /** How many values fell into each bucket; the last count is of those above all bounds. */
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

/** Counts values in fixed buckets; an observation allocates nothing. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0

  /** `bounds` ascend. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let i = 0
    while (i < bounds.length && value > bounds[i]!) i++
    this.#counts[i]!++
    this.#sum += value
  }

  /** A copy as it stands. */
  stats(): HistogramStats {
    const counts = Array.from(this.#counts)
    return {
      bounds: this.#bounds,
      counts,
      sum: this.#sum,
      count: counts.reduce((sum, count) => sum + count, 0),
    }
  }
}
