import type { ZipkinSpan } from 'tdist'

/** A span that a case left behind, or a request of its that reached the origin with a trace on it. */
export type SeenSpan = Omit<ZipkinSpan, 'kind'> & { kind?: ZipkinSpan['kind'] | 'ORIGIN' }

/** What has come to the origin, for whoever waits for that rather than for the clock. */
export class Arrivals {
  readonly spans: SeenSpan[] = []
  readonly #paths = new Set<string>()
  readonly #waiting = new Map<() => boolean, () => void>()

  /** Calls `then` when the path has been asked for; at once if it has been already. */
  whenAsked(path: string, then: () => void): void {
    this.#wait(() => this.#paths.has(path), then)
  }

  /** Calls `then` when so many spans have come. */
  whenReported(count: number, then: () => void): void {
    this.#wait(() => this.spans.filter(({ kind }) => kind !== 'ORIGIN').length >= count, then)
  }

  add(path: string, spans: readonly SeenSpan[]): void {
    this.#paths.add(path)
    this.spans.push(...spans)
    for (const [isHere, then] of this.#waiting) {
      if (isHere() && this.#waiting.delete(isHere)) then()
    }
  }

  #wait(isHere: () => boolean, then: () => void): void {
    if (isHere()) then()
    else this.#waiting.set(isHere, then)
  }
}
