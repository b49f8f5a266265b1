import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import { withNodeHeaders } from '../http-clients/header-list.ts'
import { patch } from '../../host/patch.ts'
import { TRACED_THRIFT } from '../hooks/traced-mark.ts'
import { clientProtocol } from './client-protocol.ts'
import { ThriftClient, type Carried } from './client.ts'
import type { ThriftOptions } from '../../options/thrift-options.ts'
import { baseOf, type ThriftConnection } from './protocol.ts'

type Callback = (this: unknown, ...args: unknown[]) => unknown

/**
 * Traces a connection: the calls of every client that is made with it from now on are CLIENT spans. Call it before
 * `createClient`, which takes the connection's protocol. Returns the connection.
 */
export function traceConnection<C extends ThriftConnection>(
  tracing: ServiceTracing,
  connection: C,
  options: ThriftOptions,
): C {
  // Its user traces it by `tracingProtocol`.
  if (baseOf(connection.protocol) !== connection.protocol) return connection
  const client = new ThriftClient(tracing, connection, options)
  let writing: Carried | undefined
  const isHttp = connection.nodeOptions !== undefined
  const writes = isHttp ? (carried: Carried | undefined) => void (writing = carried) : undefined
  connection.protocol = clientProtocol(client, connection.protocol, writes)
  Object.defineProperty(connection, TRACED_THRIFT, { value: true })
  patch(connection as { emit: Callback }, 'emit', (emit) => {
    return function (...args) {
      try {
        client.onConnectionEvent(args[0], args[1])
      } catch (error) {
        tracing.failed('thrift client', error)
      }
      return Reflect.apply(emit, this, args)
    }
  })
  if (!isHttp) return connection
  patch(connection as unknown as { write: Callback }, 'write', (write) => {
    return function (this: ThriftConnection, ...args: unknown[]) {
      const carried = writing
      writing = undefined
      if (carried === undefined) return Reflect.apply(write, this, args)
      const own = addHeaders(client, this, carried)
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
function addHeaders(
  client: ThriftClient,
  connection: ThriftConnection,
  { call }: Carried,
): ThriftConnection['nodeOptions'] {
  try {
    const headers = client.headersFor(call)
    const own = connection.nodeOptions
    if (headers === undefined || own === undefined) return undefined
    const all = withNodeHeaders(own.headers ?? {}, headers, client.keys, own.path ?? '/')
    connection.nodeOptions = { ...own, headers: all as Record<string, unknown> }
    return own
  } catch (error) {
    client.tracing.failed('thrift client', error)
    return undefined
  }
}
