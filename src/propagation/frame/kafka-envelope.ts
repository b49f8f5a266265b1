import type { TraceContext } from '../../span/trace-context.ts'
import type { Extracted } from '../propagation.ts'
import { decodeTraceFrame, encodeTraceFrame, isFrameStart } from './trace-frame.ts'

/** A value that was taken out of its envelope, and what the envelope said. */
export interface Opened {
  /** The value as it was put in: a view of the same memory. */
  readonly value: Buffer
  readonly extracted: Extracted | undefined
}

/**
 * Returns the value with a trace frame before it. Without a context it returns the value itself, unless that begins
 * like a frame: then an empty frame is put before it, so that every value comes out as it went in.
 */
export function seal(value: Buffer, context: TraceContext | undefined): Buffer {
  if (context === undefined && !(value.length > 2 && isFrameStart(value, 0, value.length))) return value
  const sealed = encodeTraceFrame(context, undefined, value.length)
  value.copy(sealed, sealed.length - value.length)
  return sealed
}

/** Takes the value out of its envelope. Undefined when it is in none: then not a byte of it is ours. */
export function open(bytes: Buffer): Opened | undefined {
  // The first byte decides for most values.
  if (bytes[0] !== 0xc1) return undefined
  const frame = decodeTraceFrame(bytes, 0, bytes.length)
  return frame && { value: bytes.subarray(frame.length), extracted: frame.extracted }
}
