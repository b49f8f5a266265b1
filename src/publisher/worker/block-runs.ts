/**
 * Gives out the blocks of the shared memory, in runs. A run has the number of its first block. As many places as lists
 * are open, each a run for the largest record, are always kept free, so that a list that is sealed never lacks one.
 */
export class BlockRuns {
  /** By the number of a block: how many blocks the run has that begins there; 0 where none begins. */
  readonly #runs: Int32Array
  readonly #perPlace: number
  readonly #places: number
  readonly #kept: number[] = []
  #used = 0
  /** Where the search for free blocks goes on: never inside a run. */
  #cursor = 0

  /** `places`: how many are kept, of `perPlace` blocks each. */
  constructor(blocks: number, places: number, perPlace: number) {
    this.#runs = new Int32Array(blocks)
    this.#places = places
    this.#perPlace = perPlace
    this.keepPlaces()
  }

  /** How many blocks records take. */
  get used(): number {
    return this.#used
  }

  /** Whether all places are there. */
  get hasPlaces(): boolean {
    return this.#kept.length === this.#places
  }

  /** Takes one of the places that were kept; undefined when there is none. */
  takePlace(): number | undefined {
    return this.#kept.pop()
  }

  /** A record takes so many blocks of the place; the others are free again. */
  use(id: number, blocks: number): void {
    this.#runs[id] = blocks
    this.#cursor = id + blocks
    this.#used += blocks
  }

  /** A record is done with: its blocks are free again. */
  free(id: number): void {
    this.#used -= this.#runs[id]!
    this.#runs[id] = 0
  }

  /** Keeps places again for those that were taken, as far as there are free blocks. */
  keepPlaces(): void {
    while (this.#kept.length < this.#places) {
      const id = this.#find(this.#perPlace)
      if (id === -1) return
      this.#runs[id] = this.#perPlace
      this.#kept.push(id)
    }
  }

  /** The first of so many free blocks in a row, or -1. */
  #find(count: number): number {
    const blocks = this.#runs.length
    let at = this.#cursor
    let free = 0
    for (let seen = 0; seen < blocks + count;) {
      if (at >= blocks) {
        at = free = 0
      }
      const run = this.#runs[at]!
      if (run > 0) {
        at += run
        seen += run
        free = 0
        continue
      }
      at++
      seen++
      if (++free < count) continue
      this.#cursor = at
      return at - count
    }
    return -1
  }
}
