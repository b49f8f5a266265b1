import { isTraceField, readField } from '../../propagation/thrift-field.ts'
import { peekFrame } from '../../propagation/frame/thrift-frame.ts'
import { encodeTraceFrame } from '../../propagation/frame/trace-frame.ts'
import {
  baseOf,
  EXCEPTION,
  extended,
  REPLY,
  STRUCT,
  type ProtocolClass,
  type ThriftProtocol,
} from './protocol.ts'
import { readAtEnd } from './end-of-input.ts'
import type { ThriftServerCall } from './server-call.ts'

/** What a server's protocol knows of the call that it reads or answers. */
interface Serving {
  call: ThriftServerCall | undefined
  /** How deep in structs the writer of the reply is. */
  depth: number
  reply: boolean
  declared: boolean
}

type Serves = ThriftProtocol & { tdist: Serving }
type Methods = Partial<ThriftProtocol> & ThisType<Serves>

const classes = new WeakMap<ProtocolClass, ProtocolClass>()

/** Returns a protocol of the same kind on the same transport, which tells the call what it reads and writes. */
export function serving(protocol: ThriftProtocol, call: ThriftServerCall | undefined): ThriftProtocol {
  const Base = baseOf(protocol.constructor as ProtocolClass)
  let Serving = classes.get(Base)
  if (Serving === undefined) {
    const { prototype } = Base
    const methods = { ...reading(prototype), ...writing(prototype) }
    Serving = extended<Serving>(Base, none, methods)
    classes.set(Base, Serving)
  }
  const { trans, strictRead, strictWrite } = protocol as ThriftProtocol & {
    strictRead?: boolean
    strictWrite?: boolean
  }
  const made = Reflect.construct(Serving, [trans, strictRead, strictWrite]) as Serves
  made.tdist.call = call
  return made
}

/** As {@link serving}, for a protocol that has to stay the same object: THeader reads and writes by one. */
export function serveIn(protocol: ThriftProtocol, call: ThriftServerCall): void {
  const one = protocol as Serves
  if (one.tdist === undefined) {
    const prototype = Object.getPrototypeOf(protocol) as ThriftProtocol
    Object.assign(one, reading(prototype), writing(prototype))
  }
  one.tdist = { ...none(), call }
}

function none(): Serving {
  return { call: undefined, depth: 0, reply: false, declared: false }
}

/** Runs work of ours for a call, if there is one. What it throws is counted. */
function forCall({ call }: Serving, ours: (call: ThriftServerCall) => void): void {
  if (call === undefined) return
  try {
    ours(call)
  } catch (error) {
    call.tracing.failed('thrift server', error)
  }
}

function reading(base: ThriftProtocol): Methods {
  return {
    readMessageBegin() {
      // Without a call there is nothing to read: the processor has looked.
      if (this.tdist.call === undefined) return readAtEnd(base, this)
      let frame: ReturnType<typeof peekFrame>
      forCall(this.tdist, (call) => {
        frame = peekFrame(this.trans)
        if (typeof frame === 'object') call.cameWith(frame.extracted)
      })
      if (typeof frame === 'number') this.trans.ensureAvailable(frame)
      else if (frame !== undefined) this.trans.consume((frame as { length: number }).length)
      const begun = base.readMessageBegin.call(this)
      forCall(this.tdist, (call) => call.named(begun))
      return begun
    },
    readStructBegin() {
      if (this.tdist.call) this.tdist.call.depth++
      return base.readStructBegin.call(this)
    },
    readStructEnd() {
      if (this.tdist.call) this.tdist.call.depth--
      base.readStructEnd.call(this)
    },
    readFieldBegin() {
      let field = base.readFieldBegin.call(this)
      // Arguments are the outermost struct; what is deeper is all the caller's own.
      while (isTraceField(field.ftype, field.fid) && this.tdist.call?.depth === 1) {
        const fields = readField(this)
        forCall(this.tdist, (call) => call.fieldCame(fields))
        this.readFieldEnd()
        field = base.readFieldBegin.call(this)
      }
      return field
    },
    readMessageEnd() {
      base.readMessageEnd.call(this)
      forCall(this.tdist, (call) => call.begin(this))
    },
  }
}

function writing(base: ThriftProtocol): Methods {
  return {
    writeMessageBegin(name, type, seqid) {
      const { tdist } = this
      forCall(tdist, (call) => {
        tdist.reply = type === REPLY
        if (call.framed && call.span) this.trans.write(encodeTraceFrame(call.span.context, { reply: true }))
      })
      base.writeMessageBegin.call(this, name, type, seqid)
      if (type !== EXCEPTION) return
      // The first string of Thrift's own exception, after the method's name, is its message.
      this.writeString = function (this: Serves, text: string) {
        forCall(tdist, (call) => call.failed(text, false))
        base.writeString.call(this, text)
      }
    },
    writeStructBegin(name) {
      const { tdist } = this
      tdist.depth++
      if (tdist.declared) forCall(tdist, (call) => call.failed(name, true))
      base.writeStructBegin.call(this, name)
    },
    writeStructEnd() {
      this.tdist.depth--
      base.writeStructEnd.call(this)
    },
    writeFieldBegin(name, type, id) {
      const { tdist } = this
      // A result's field 0 is its value, any other an exception that the interface declares.
      if (tdist.reply && tdist.depth === 1) tdist.declared = type === STRUCT && id !== 0
      base.writeFieldBegin.call(this, name, type, id)
    },
    writeMessageEnd() {
      base.writeMessageEnd.call(this)
      forCall(this.tdist, (call) => call.finish())
    },
  }
}
