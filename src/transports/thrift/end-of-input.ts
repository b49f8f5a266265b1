import type { MessageBegin, ThriftProtocol } from './protocol.ts'

/** The error that each kind of protocol throws where nothing has come. */
const ends = new WeakMap<ThriftProtocol, Error>()

/** Whether all that has come is read. */
export function isAtEnd({ trans }: ThriftProtocol): boolean {
  try {
    const { readIndex, writeIndex } = trans.borrow()
    return readIndex === writeIndex
  } catch {
    // A transport of the service's own, of which nothing is known.
    return false
  }
}

/**
 * Reads the beginning of a message where nothing has come. Thrift does so after every message, to learn that it was the
 * last: the protocol throws an error, of which Thrift looks at the class alone. To make an error with its stack costs
 * more than all tracing does, so the first of each kind is thrown again.
 */
export function readAtEnd(base: ThriftProtocol, protocol: ThriftProtocol): MessageBegin {
  const known = ends.get(base)
  if (known) throw known
  try {
    return base.readMessageBegin.call(protocol)
  } catch (error) {
    if (error instanceof Error && error.name === 'InputBufferUnderrunError') {
      // This makes the stack text: until it is asked for, it holds all that was on it.
      void error.stack
      ends.set(base, error)
    }
    throw error
  }
}
