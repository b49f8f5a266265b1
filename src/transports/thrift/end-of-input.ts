import type { MessageBegin, ThriftProtocol } from './protocol.ts'

/** What each kind of protocol throws where nothing has come. */
const ends = new WeakMap<ThriftProtocol, Error>()

/** Whether all that has come is read. */
export function isAtEnd({ trans }: ThriftProtocol): boolean {
  try {
    const { readIndex, writeIndex } = trans.borrow()
    return readIndex === writeIndex
  } catch {
    // A transport of somebody's own, which nothing is known of.
    return false
  }
}

/**
 * Reads a message's beginning where nothing has come, as Thrift does after every message to learn that it was the last:
 * the protocol throws an error, which only its kind is asked of. To make one, with its stack, costs more than all of
 * tracing does, so the first of a kind is thrown again.
 */
export function readAtEnd(base: ThriftProtocol, protocol: ThriftProtocol): MessageBegin {
  const known = ends.get(base)
  if (known) throw known
  try {
    return base.readMessageBegin.call(protocol)
  } catch (error) {
    if (error instanceof Error && error.name === 'InputBufferUnderrunError') {
      // As text; until it is asked for, a stack holds on to all that was on it.
      void error.stack
      ends.set(base, error)
    }
    throw error
  }
}
