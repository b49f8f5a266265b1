import { decodeTraceFrame, frameLength, isFrameStart, type TraceFrame } from './trace-frame.ts'

/** What of Thrift's transports is needed to look ahead, and to go on. */
export interface ThriftInput {
  borrow(): { readonly buf: Buffer; readonly readIndex: number; readonly writeIndex: number }
  consume(bytes: number): void
  /**
   * Throws Thrift's own error when there are fewer bytes: the message is read again from its start when more have come.
   */
  ensureAvailable(bytes: number): void
}

/**
 * The trace frame before a message, none of it taken. A number where only a part of it has come: how many bytes there
 * must be to tell more. Undefined where there is none: what follows is the protocol's to read, or to refuse.
 */
export function peekFrame(input: ThriftInput): TraceFrame | number | undefined {
  const { buf, readIndex, writeIndex } = input.borrow()
  if (!isFrameStart(buf, readIndex, writeIndex)) return undefined
  const length = frameLength(buf, readIndex, writeIndex)
  if (length < 0) return undefined
  if (length === 0) return HEAD
  return readIndex + length > writeIndex ? length : decodeTraceFrame(buf, readIndex, writeIndex)
}

/** How many bytes it takes to know how long the frame is. */
const HEAD = 6
