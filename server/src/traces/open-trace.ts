import type { ZipkinSpan } from '../../../src/codec/zipkin-span.ts'

/** A trace whose spans are still coming, and what is known to be missing of it. */
export class OpenTrace {
  readonly spans: ZipkinSpan[] = []
  readonly firstAt: number
  lastAt: number
  /** About how many bytes of memory its spans hold. */
  bytes = 0
  #hasRoot = false
  readonly #ids = new Set<string>()
  readonly #callerIds = new Set<string>()
  readonly #serverIds = new Set<string>()
  readonly #wantedParents = new Set<string>()
  readonly #wantedCallers = new Set<string>()
  readonly #openCalls = new Set<string>()

  constructor(now: number) {
    this.firstAt = now
    this.lastAt = now
  }

  /** Whether the root, a parent that is named, or the client of a shared ID has not come. */
  get missing(): boolean {
    return !this.#hasRoot || this.#wantedParents.size + this.#wantedCallers.size > 0
  }

  /** Whether a client's half has come without its server's, or a producer's without any consumer's. */
  get hasOpenCalls(): boolean {
    return this.#openCalls.size > 0
  }

  add(span: ZipkinSpan, now: number, bytes: number): void {
    const { id, parentId, kind } = span
    this.spans.push(span)
    this.bytes += bytes
    this.lastAt = now
    this.#ids.add(id)
    this.#wantedParents.delete(id)
    if (!parentId || parentId === id) this.#hasRoot ||= !span.shared
    else if (!this.#ids.has(parentId)) this.#wantedParents.add(parentId)

    if (kind === 'SERVER') this.#answer(id)
    if (parentId && (kind === 'SERVER' || kind === 'CONSUMER')) this.#answer(parentId)
    if (span.shared) {
      if (!this.#callerIds.has(id)) this.#wantedCallers.add(id)
    } else {
      this.#callerIds.add(id)
      this.#wantedCallers.delete(id)
    }
    if ((kind === 'CLIENT' || kind === 'PRODUCER') && !this.#serverIds.has(id)) this.#openCalls.add(id)
  }

  /** Marks a client's ID as one that a server span named, by sharing it or as its parent. */
  #answer(id: string): void {
    this.#serverIds.add(id)
    this.#openCalls.delete(id)
  }
}
