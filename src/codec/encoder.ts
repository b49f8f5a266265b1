import type { SharedTags } from './shared-tags.ts'
import type { ZipkinSpan } from './zipkin-span.ts'

export type Encoding = 'proto3' | 'json'

/**
 * Writes spans one after another into a list that a Zipkin collector accepts. A list is what `start` writes,
 * then spans, then what `end` writes; `listOverhead` is the most that start and end take together.
 */
export interface Encoder {
  readonly encoding: Encoding
  readonly contentType: string
  readonly listOverhead: number
  /** Begins a list at `offset`; returns the offset after it. */
  start(target: Buffer, offset: number): number
  /**
   * Adds a span at `offset`; `first` says whether it is the first of the list. Returns the offset after it, or -1 when
   * it does not fit below `limit`: then the list is as it was, and the bytes after `offset` may be anything. The
   * `shared` tags whose keys the span does not have are added after its own.
   */
  write(
    target: Buffer,
    offset: number,
    limit: number,
    span: ZipkinSpan,
    first: boolean,
    shared?: SharedTags,
  ): number
  /** Ends the list at `offset`; returns the offset after it. */
  end(target: Buffer, offset: number): number
}
