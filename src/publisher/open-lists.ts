import type { Encoder } from '../codec/encoder.ts'
import type { ZipkinSpan } from '../codec/zipkin-span.ts'
import type { Settings } from './publisher-options.ts'
import { RecordWriter } from './record-writer.ts'
import type { SpareBuffer } from './spare-buffer.ts'

/** The lists that are being written: one for all spans, or one for each part of the traces. */
export class OpenLists {
  readonly all: RecordWriter[] = []
  readonly #newList: (key?: string) => RecordWriter
  readonly #only: RecordWriter | undefined
  readonly #byTrace: (RecordWriter | undefined)[] = []

  constructor(encoder: Encoder, { openLists, recordBytes }: Settings, spare: SpareBuffer) {
    this.#newList = (key) => {
      const list = new RecordWriter(encoder, recordBytes, spare, key)
      this.all.push(list)
      return list
    }
    if (openLists === 1) this.#only = this.#newList()
    else this.#byTrace.length = openLists
  }

  /** Memory held at all times. */
  get bytes(): number {
    return this.all.reduce((sum, list) => sum + list.bytes, 0)
  }

  /** The list a span belongs in. */
  of(span: ZipkinSpan): RecordWriter {
    return this.#only ?? this.#ofTrace(span.traceId)
  }

  #ofTrace(traceId: string): RecordWriter {
    const part = partOf(traceId, this.#byTrace.length)
    return (this.#byTrace[part] ??= this.#newList(`trace-${part}`))
  }
}

/**
 * Which of so many parts a trace belongs to: FNV-1a over the last 16 digits of its ID, so that a service that knows
 * only 64 bits of the ID comes to the same part.
 */
function partOf(traceId: string, parts: number): number {
  let hash = 0x811c9dc5
  for (let i = Math.max(0, traceId.length - 16); i < traceId.length; i++) {
    hash = Math.imul(hash ^ traceId.charCodeAt(i), 0x01000193)
  }
  return (hash >>> 0) % parts
}
