import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { peekFrame } from '../propagation/thrift-frame.ts'
import type { Tracing } from '../tracing.ts'
import { patch } from './patch.ts'
import { ThriftClient, type Carried } from './thrift-client.ts'
import type { ThriftOptions } from './thrift-options.ts'
import { CALL, extended, fieldWriterOf, ONEWAY, type ProtocolClass } from './thrift-protocol.ts'

type Callback = (this: unknown, ...args: unknown[]) => unknown

/** A generated client. */
export interface ThriftService {
  /** By sequence number: who waits for an answer. */
  readonly _reqs: Record<number, Callback | undefined>
}

/** A connection of npm's thrift, of any kind. */
export interface ThriftConnection extends EventEmitter {
  protocol: ProtocolClass
  /** One client, or with multiplexing several by their service's name. */
  readonly client?: ThriftService | Record<string, ThriftService | undefined> | undefined
  write: (this: ThriftConnection, ...args: never[]) => unknown
  readonly host?: string
  readonly port?: number
  /** Of a stream only. */
  readonly connection?: Socket
  readonly connected?: boolean
  /** Of HTTP only: what each request is made with. */
  nodeOptions?: { readonly headers?: Readonly<Record<string, unknown>> }
}

interface Writing {
  carried: Carried | undefined
  entries: readonly string[] | undefined
}

const TRACED = Symbol.for('tdist.thrift')

/**
 * The connection, traced: the calls of every client made with it from now on are CLIENT spans. To be called before
 * `createClient`, which takes the connection's protocol.
 */
export function traceConnection<C extends ThriftConnection>(
  tracing: Tracing,
  connection: C,
  options: ThriftOptions,
): C {
  if (!tracing.enabled || TRACED in connection) return connection
  const client = new ThriftClient(tracing, connection, options)
  let writing: Carried | undefined
  connection.protocol = clientProtocol(client, connection.protocol, (carried) => (writing = carried))
  Object.defineProperty(connection, TRACED, { value: true })
  patch(connection as { emit: Callback }, 'emit', (emit) => {
    return function (...args) {
      try {
        client.happened(args[0])
      } catch (error) {
        tracing.failed('thrift client', error)
      }
      return Reflect.apply(emit, this, args)
    }
  })
  if (connection.nodeOptions === undefined) return connection
  patch(connection as unknown as { write: Callback }, 'write', (write) => {
    return function (this: ThriftConnection, ...args: unknown[]) {
      const carried = writing
      writing = undefined
      if (carried === undefined) return Reflect.apply(write, this, args)
      const own = withHeaders(client, this, carried)
      try {
        // A request that is made in the scope of a client's span is that span's own, and has none itself.
        return tracing.dataManager.apply(carried.call.span, write, this, args)
      } finally {
        if (own) this.nodeOptions = own
      }
    } as Callback
  })
  return connection
}

/** Puts a call's headers among those of the connection's next request; returns what to put back after it. */
function withHeaders(
  client: ThriftClient,
  connection: ThriftConnection,
  { call }: Carried,
): ThriftConnection['nodeOptions'] {
  try {
    const headers = client.headersFor(call)
    const own = connection.nodeOptions
    if (headers === undefined || own === undefined) return undefined
    connection.nodeOptions = { ...own, headers: { ...own.headers, ...headers } }
    return own
  } catch (error) {
    client.tracing.failed('thrift client', error)
    return undefined
  }
}

/** The protocol, which begins a call's span with its message, and writes what the message is to carry. */
function clientProtocol(
  client: ThriftClient,
  Base: ProtocolClass,
  writes: (carried: Carried | undefined) => void,
): ProtocolClass {
  const base = Base.prototype as typeof Base.prototype & { reset?: () => void }
  const writeField = fieldWriterOf(Base)
  const { tracing } = client
  const none = (): Writing => ({ carried: undefined, entries: undefined })

  return extended<Writing>(Base, none, {
    writeMessageBegin(name, type, seqid) {
      try {
        const carried = type === CALL || type === ONEWAY ? client.begin(name, type, seqid) : undefined
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
      let frame: ReturnType<typeof peekFrame>
      try {
        frame = peekFrame(this.trans)
        if (typeof frame === 'object') client.upgraded()
      } catch (error) {
        tracing.failed('thrift client', error)
      }
      if (typeof frame === 'number') this.trans.ensureAvailable(frame)
      else if (frame) this.trans.consume(frame.length)
      return base.readMessageBegin.call(this)
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
