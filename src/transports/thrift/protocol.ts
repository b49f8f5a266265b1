import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { FieldInput, FieldOutput, FieldWriter } from '../../propagation/thrift-field.ts'
import { writeBinaryField, writeCompactField, writeField } from '../../propagation/thrift-field.ts'
import type { ThriftInput } from '../../propagation/frame/thrift-frame.ts'

/** Message types: https://github.com/apache/thrift/blob/master/doc/specs/thrift-rpc.md */
export const CALL = 1
export const REPLY = 2
export const EXCEPTION = 3
export const ONEWAY = 4

/** The type of a field that holds a struct. */
export const STRUCT = 12

/** What a message begins with. The name comes as bytes in older binary messages. */
export interface MessageBegin {
  readonly fname: unknown
  readonly mtype: number
  readonly rseqid: number
}

/** A generated client. */
export interface ThriftService {
  /** The callbacks that wait for an answer, by the call's sequence number. */
  readonly _reqs: Record<number, ((this: unknown, ...args: unknown[]) => unknown) | undefined>
}

/** A connection of npm's thrift, of any kind. */
export interface ThriftConnection extends EventEmitter {
  protocol: ProtocolClass
  /** One client, or with multiplexing several by their service's name. */
  readonly client?: ThriftService | Record<string, ThriftService | undefined> | undefined
  write: (this: ThriftConnection, ...args: never[]) => unknown
  readonly host?: string
  readonly port?: number
  /** The socket; undefined for a connection over HTTP or WebSocket. */
  readonly connection?: Socket
  readonly connected?: boolean
  /** Of HTTP only: what each request is made with. */
  nodeOptions?: { readonly headers?: Readonly<Record<string, unknown>>; readonly path?: string }
}

/** A Thrift protocol, as npm's package has it; that brings no types for what is needed here. */
export interface ThriftProtocol extends FieldInput, FieldOutput {
  readonly trans: ThriftInput & {
    write(bytes: Buffer): void
    getReadHeaders?(): Record<string, unknown> | undefined
    /** The client that writes here, where `createClient` made it. */
    readonly client?: ThriftService
  }
  writeMessageBegin(name: string, type: number, seqid: number): void
  writeMessageEnd(): void
  writeStructBegin(name: string): void
  writeStructEnd(): void
  readMessageBegin(): MessageBegin
  readMessageEnd(): void
  readStructBegin(): unknown
  readStructEnd(): void
  readFieldBegin(): { readonly ftype: number; readonly fid: number }
  readFieldEnd(): void
}

const BASE = Symbol.for('tdist.thriftProtocol')

/** A protocol's constructor: Thrift's own are functions that are called on an object of a derived kind. */
export interface ProtocolClass {
  (this: unknown, ...args: unknown[]): void
  readonly prototype: ThriftProtocol
}

/**
 * Returns a protocol of the same kind, with some methods replaced and the property `tdist` added. It is a function with
 * methods that `for…in` sees: Thrift's multiplexing calls protocols as functions and copies them key by key.
 */
export function extended<State>(
  Base: ProtocolClass,
  state: () => State,
  methods: Partial<ThriftProtocol> & ThisType<ThriftProtocol & { tdist: State }>,
): ProtocolClass {
  // A class cannot be called; its methods are not seen by `for…in` either, so such a one cannot be multiplexed anyway.
  const isClass = Function.prototype.toString.call(Base).startsWith('class')
  const Extended = function (this: object, ...args: unknown[]): object | void {
    const made = isClass
      ? (Reflect.construct(Base, args, new.target ?? Extended) as object)
      : (Reflect.apply(Base, this, args) as undefined, this)
    ;(made as { tdist: State }).tdist = state()
    if (isClass) return made
  }
  Object.setPrototypeOf(Extended, Base)
  Object.defineProperty(Extended, BASE, { value: Base })
  Extended.prototype = Object.assign(Object.create(Base.prototype) as object, methods)
  Object.defineProperty(Extended.prototype, 'constructor', { value: Extended, writable: true })
  return Extended as unknown as ProtocolClass
}

/** The protocol that was extended; the protocol itself when none was. */
export function baseOf(protocol: ProtocolClass): ProtocolClass {
  return (protocol as { [BASE]?: ProtocolClass })[BASE] ?? protocol
}

/** The quickest writer of the field for this protocol. A class derived from Thrift's own may write otherwise. */
export function fieldWriterOf(Base: ProtocolClass): FieldWriter {
  if (Object.hasOwn(Base, 'VERSION_1')) return writeBinaryField
  return Object.hasOwn(Base, 'PROTOCOL_ID') ? writeCompactField : writeField
}
