import type { Encoder } from '../codec/encoder.ts'
import type { SharedTags } from '../codec/shared-tags.ts'
import type { ZipkinSpan } from '../codec/zipkin-span.ts'
import type { SpareBuffer } from './spare-buffer.ts'

/** How many characters a tag or annotation keeps in a span that would not fit into a record uncut. */
const CUT = 256

/**
 * Encodes spans one after another into a single buffer that is used over and over. A sealed list is copied out, so a
 * list that is sealed nearly empty holds no more memory than its bytes.
 */
export class RecordWriter {
  /** The key of its lists; undefined when it has none. */
  readonly key: string | undefined
  /** When the open list got its first span, in monotonic milliseconds; 0 when there is none. */
  openSince = 0
  readonly #encoder: Encoder
  readonly #slab: Buffer
  readonly #spare: SpareBuffer
  #end = 0
  #limit = 0
  #spans = 0

  /** `maxBytes`: the most a sealed list may take. `spare`: where memory for it may come from. */
  constructor(encoder: Encoder, maxBytes: number, spare: SpareBuffer, key?: string) {
    this.#encoder = encoder
    this.#slab = Buffer.allocUnsafeSlow(maxBytes)
    this.#spare = spare
    this.key = key
  }

  /** How many spans the open list holds. */
  get spans(): number {
    return this.#spans
  }

  /** The memory it holds at all times. */
  get bytes(): number {
    return this.#slab.length
  }

  /** Adds a span; returns whether it fitted. Throws when the span cannot be encoded; the list is then as it was. */
  add(span: ZipkinSpan, shared?: SharedTags): boolean {
    if (this.#spans === 0) {
      this.#end = this.#encoder.start(this.#slab, 0)
      this.#limit = this.#slab.length - this.#encoder.listOverhead + this.#end
    }
    const end = this.#encoder.write(this.#slab, this.#end, this.#limit, span, this.#spans === 0, shared)
    if (end === -1) return false
    if (!(end > this.#end && end <= this.#limit)) throw new Error(`the encoder ended at ${end}`)
    this.#end = end
    this.#spans++
    return true
  }

  /** Ends the open list and returns a copy of it; the next span opens a new one. Throws when the encoder does. */
  seal(): Uint8Array {
    const open = this.#end
    const end = this.#encoder.end(this.#slab, open)
    if (!(end >= open && end <= this.#slab.length)) throw new Error(`the encoder ended at ${end}`)
    // Full lists have memory of one size, so that one can take the place of another.
    const isFull = end > this.#slab.length * 0.75
    const bytes = this.#spare.take(end, isFull ? this.#slab.length : end)
    this.#slab.copy(bytes, 0, 0, end)
    this.#spans = 0
    return bytes
  }

  /** Forgets the open list; returns how many spans it held. */
  discard(): number {
    const spans = this.#spans
    this.#spans = 0
    return spans
  }
}

/** The span with its long tags and annotations cut short. */
export function cutShort(span: ZipkinSpan): ZipkinSpan {
  const short: ZipkinSpan = { ...span }
  if (span.tags) {
    short.tags = Object.fromEntries(Object.entries(span.tags).map(([key, value]) => [cut(key), cut(value)]))
  }
  if (span.annotations) short.annotations = span.annotations.map((a) => ({ ...a, value: cut(a.value) }))
  return short
}

function cut(text: string): string {
  if (typeof text !== 'string' || text.length <= CUT) return text
  const code = text.charCodeAt(CUT - 1)
  const splitsPair = code >= 0xd800 && code < 0xdc00
  return text.slice(0, splitsPair ? CUT - 1 : CUT)
}
