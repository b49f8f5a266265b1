import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { TraceContext } from '../../span/trace-context.ts'
import type { Endpoint } from '../../codec/zipkin-span.ts'
import { propagationOf } from '../../propagation/composite.ts'
import type { Propagation } from '../../propagation/propagation.ts'
import { READS_FRAMES } from '../../propagation/thrift-field.ts'
import { encodeTraceFrame } from '../../propagation/frame/trace-frame.ts'
import { decide } from '../../tracing/decide.ts'
import { endpoint } from '../protocols/endpoint.ts'
import { RpcHandler, type RpcRequest } from '../protocols/rpc.ts'
import { ThriftCall, ThriftCalls } from './pending-calls.ts'
import { checkThrift, type ThriftOptions } from '../../options/thrift-options.ts'
import { CALL, type ThriftConnection, type ThriftProtocol, type ThriftService } from './protocol.ts'

/** A call, and what its message is to carry of the trace. */
export interface Carried {
  readonly call: ThriftCall
  readonly frame: Buffer | undefined
  /** The names and values of the field that carries the trace, in turn; undefined when there is none. */
  readonly entries: readonly string[] | undefined
}

/** Traces the calls of one client connection. */
export class ThriftClient {
  readonly tracing: ServiceTracing
  readonly calls: ThriftCalls
  /** The names of the trace headers of a call over HTTP. */
  readonly keys: ReadonlySet<string>
  readonly #connection: Partial<ThriftConnection>
  readonly #options: ThriftOptions
  readonly #handler: RpcHandler
  readonly #fields: Propagation
  /** Whether the peer has put a frame before a reply, and so knows frames. */
  #upgraded = false
  #remote: Endpoint | undefined
  /** What the stream failed with just before it closed. */
  #cause: unknown

  constructor(tracing: ServiceTracing, connection: Partial<ThriftConnection>, options: ThriftOptions) {
    this.tracing = tracing
    this.keys = new Set(tracing.propagation.keys)
    this.#connection = connection
    this.#options = options
    this.#handler = new RpcHandler(tracing, 'thrift')
    this.calls = new ThriftCalls(tracing, options.maxSpanAgeMs ?? 60_000, options.failPendingOnClose ?? false)
    checkThrift(options)
    const formats = (options.fieldKeys ?? ['b3']).map((key) => (key === 'b3' ? 'b3-single' : 'w3c'))
    this.#fields = propagationOf(formats, tracing.baggage)
  }

  /** Begins the CLIENT span of a call whose message is about to be written. Undefined when it is not to be traced. */
  begin(protocol: ThriftProtocol, name: string, type: number, seqid: number): Carried | undefined {
    const client = protocol.trans.client ?? this.#clientOf(name)
    const request = requestOf(name, client)
    const { dataManager } = this.tracing
    if (this.#ignores(request)) return undefined
    const caller = dataManager.current
    const span = this.#handler.start(request, this.#remoteEnd())
    if (span === undefined) return undefined
    const callback = type === CALL ? client?._reqs[seqid] : undefined
    const answer = callback ? 'callback' : type === CALL ? 'message' : 'none'
    const call = new ThriftCall(this.calls, span, seqid, this.#connection.connected !== false, answer)
    if (call.answer !== 'none') this.calls.add(call)
    if (callback !== undefined) {
      const { calls, tracing } = this
      client!._reqs[seqid] = function (this: unknown, ...args: unknown[]) {
        try {
          calls.answered(call, args[0])
        } catch (error) {
          tracing.failed('thrift client', error)
        }
        // Else it would run in the scope of whoever opened the connection.
        return dataManager.apply(caller, callback, this, args)
      }
      if (this.#options.failPendingOnClose) {
        call.fail = (error) => {
          const waiting = client!._reqs[seqid]
          delete client!._reqs[seqid]
          waiting?.(error)
        }
      }
    }
    return { call, ...this.#carried(span.context) }
  }

  /** The message is written. The span of a call that nobody answers ends here. */
  written(call: ThriftCall): void {
    if (call.answer === 'none') call.span.finish()
  }

  /** The message could not be written: the span ends with an error. */
  notWritten(call: ThriftCall): void {
    this.calls.ended(call, new Error('not sent: the arguments cannot be written'))
  }

  /** The peer of this connection knows frames. */
  upgraded(): void {
    this.#upgraded = true
  }

  /** Is told every event that the connection emits, with its first value. */
  onConnectionEvent(event: unknown, said: unknown): void {
    switch (event) {
      case 'connect':
        this.calls.connected()
        break
      case 'reconnecting':
        this.calls.lost(this.#gone('connection lost'), false)
        break
      case 'close':
        this.calls.lost(this.#gone('connection closed'), true)
        break
      case 'timeout':
        this.calls.lost(new Error('timeout'), true)
        break
      case 'error': {
        const { connection, nodeOptions } = this.#connection
        // A stream that is destroyed will close; any other error leaves it open.
        if (connection?.destroyed) this.#cause = said
        // Over HTTP each call has a request of its own, which fails in the call's own scope.
        const call = nodeOptions && this.calls.of(this.tracing.dataManager.current)
        if (call) this.calls.failed(call, said)
      }
    }
  }

  /** The trace headers of a call over HTTP: names and values in turn. Undefined when it is to have none. */
  headersFor({ span }: ThriftCall): string[] | undefined {
    if (this.#options.httpHeaders === false || this.#options.propagation === 'off') return undefined
    const headers: string[] = []
    this.tracing.propagation.inject(span.context, headers, (list, name, value) => list.push(name, value))
    return headers
  }

  #carried(context: TraceContext): { frame: Buffer | undefined; entries: readonly string[] | undefined } {
    const { propagation = 'field' } = this.#options
    if (propagation === 'off') return { frame: undefined, entries: undefined }
    const { connected, connection, protocol } = this.#connection
    // Only a stream to one peer takes bytes that are no message. Who uses a protocol by hand knows what it is on.
    const isStream = connection !== undefined || protocol === undefined
    const framed =
      propagation === 'prefix' || (propagation === 'auto' && this.#upgraded && connected === true)
    if (isStream && framed) {
      return { frame: encodeTraceFrame(context), entries: undefined }
    }
    const entries: string[] = []
    this.#fields.inject(context, entries, (list, name, value) => list.push(name, value))
    if (isStream && propagation === 'auto') entries.push(READS_FRAMES, '1')
    return { frame: undefined, entries }
  }

  #clientOf(name: string): ThriftService | undefined {
    const { client } = this.#connection
    if (client === undefined || '_reqs' in client) return client as ThriftService | undefined
    return client[name.slice(0, name.indexOf(':'))]
  }

  #ignores({ service }: RpcRequest): boolean {
    const { ignore } = this.#options
    if (ignore === undefined) return false
    return decide(this.tracing, 'thrift rule', () => ignore(service, this.#connection.host)) === true
  }

  #remoteEnd(): Endpoint | undefined {
    const { connection, host, port } = this.#connection
    this.#remote ??= endpoint(connection?.remoteAddress ?? host, connection?.remotePort ?? port)
    return this.#remote
  }

  /** Forgets the peer. Returns why it has gone. */
  #gone(reason: string): unknown {
    const cause = this.#cause ?? new Error(reason)
    this.#upgraded = false
    this.#remote = undefined
    this.#cause = undefined
    return cause
  }
}

/**
 * The service and method of a call: the message's name has both when it is multiplexed, else the client's class has the
 * service.
 */
function requestOf(name: string, client: ThriftService | undefined): RpcRequest {
  const colon = name.indexOf(':')
  if (colon > 0) return { service: name.slice(0, colon), method: name.slice(colon + 1) }
  const kind = client?.constructor.name ?? ''
  return { service: kind.endsWith('Client') ? kind.slice(0, -6) || undefined : undefined, method: name }
}
