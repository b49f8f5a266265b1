import { peekFrame } from '../../propagation/frame/thrift-frame.ts'
import type { Carried, ThriftClient } from './client.ts'
import { isAtEnd, readAtEnd } from './end-of-input.ts'
import { CALL, EXCEPTION, extended, fieldWriterOf, ONEWAY, STRUCT } from './protocol.ts'
import type { MessageBegin, ProtocolClass, ThriftProtocol } from './protocol.ts'

interface Writing {
  carried: Carried | undefined
  entries: readonly string[] | undefined
  /** The reply that is being read. */
  reply: MessageBegin | undefined
  thrown: 'declared' | 'undeclared' | undefined
}

/** A protocol for a client: begins the span of each call that is written, and writes what carries the trace. */
export function clientProtocol(
  client: ThriftClient,
  Base: ProtocolClass,
  writes: (carried: Carried | undefined) => void = () => {},
): ProtocolClass {
  const base = Base.prototype as typeof Base.prototype & { reset?: () => void }
  const writeField = fieldWriterOf(Base)
  const { tracing } = client
  const none = (): Writing => ({
    carried: undefined,
    entries: undefined,
    reply: undefined,
    thrown: undefined,
  })

  /** Looks at the one field of a result: 0 is its value, any other an exception that the interface declares. */
  const lookForThrown = (protocol: ThriftProtocol & { tdist: Writing }): void => {
    protocol.readFieldBegin = function () {
      delete (protocol as Partial<ThriftProtocol>).readFieldBegin
      const field = base.readFieldBegin.call(this)
      if (field.ftype === STRUCT && field.fid !== 0) protocol.tdist.thrown = 'declared'
      return field
    }
  }

  return extended<Writing>(Base, none, {
    writeMessageBegin(name, type, seqid) {
      try {
        const carried = type === CALL || type === ONEWAY ? client.begin(this, name, type, seqid) : undefined
        this.tdist.carried = carried
        this.tdist.entries = carried?.entries
        if (carried?.frame) this.trans.write(carried.frame)
        writes(carried)
      } catch (error) {
        tracing.failed('thrift client', error)
      }
      base.writeMessageBegin.call(this, name, type, seqid)
    },

    // The arguments are the first struct of a message.
    writeStructBegin(name) {
      base.writeStructBegin.call(this, name)
      const { entries } = this.tdist
      if (entries === undefined) return
      try {
        this.tdist.entries = undefined
        writeField(this, entries)
      } catch (error) {
        tracing.failed('thrift client', error)
      }
    },

    writeMessageEnd() {
      base.writeMessageEnd.call(this)
      try {
        const { carried } = this.tdist
        if (carried) client.written(carried.call)
      } catch (error) {
        tracing.failed('thrift client', error)
      }
    },

    readMessageBegin() {
      if (isAtEnd(this)) return readAtEnd(base, this)
      let frame: ReturnType<typeof peekFrame>
      try {
        frame = peekFrame(this.trans)
        if (typeof frame === 'object') client.upgraded()
      } catch (error) {
        tracing.failed('thrift client', error)
      }
      if (typeof frame === 'number') this.trans.ensureAvailable(frame)
      else if (frame) this.trans.consume(frame.length)
      const begun = base.readMessageBegin.call(this)
      const { tdist } = this
      tdist.reply = begun
      tdist.thrown = begun.mtype === EXCEPTION ? 'undeclared' : undefined
      try {
        if (tdist.thrown === undefined && client.calls.isReplied(begun.rseqid)) lookForThrown(this)
      } catch (error) {
        tracing.failed('thrift client', error)
      }
      return begun
    },

    readMessageEnd() {
      base.readMessageEnd.call(this)
      try {
        const { reply, thrown } = this.tdist
        if (reply) client.calls.replied(reply.rseqid, thrown)
      } catch (error) {
        tracing.failed('thrift client', error)
      }
    },

    // Generated code calls it when the arguments could not be written.
    reset() {
      try {
        const { carried } = this.tdist
        if (carried) client.notWritten(carried.call)
      } catch (error) {
        tracing.failed('thrift client', error)
      }
      base.reset?.call(this)
    },
  } as Parameters<typeof extended<Writing>>[2])
}
