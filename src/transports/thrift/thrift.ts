import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import { guarded } from '../../host/guarded.ts'
import { instrumentation, type Instrumentation } from '../hooks/instrumentation.ts'
import { MAIN_FILES } from '../hooks/main-files.ts'
import { whenLoaded } from '../hooks/when-loaded.ts'
import { patch, uninstallAll } from '../../host/patch.ts'
import { clientProtocol } from './client-protocol.ts'
import { ThriftClient } from './client.ts'
import type { ProtocolClass, ThriftConnection } from './protocol.ts'
import { traceConnection } from './connection.ts'
import type { ThriftOptions } from '../../options/thrift-options.ts'
import { standIn } from '../hooks/stand-in.ts'
import { TRACED_THRIFT } from '../hooks/traced-mark.ts'
import { tracedOnce } from '../hooks/traced-once.ts'
import { tracedProcessor, type ThriftProcessor } from './processor.ts'

export type { ThriftOptions } from '../../options/thrift-options.ts'

type Method = (this: unknown, ...args: never[]) => unknown

/** A service as the Thrift compiler generates it. */
interface GeneratedService {
  readonly Processor: new (handler: object) => ThriftProcessor
}

/**
 * Traces a client's connection of any kind; give it to `thrift.createClient`, or to a Multiplexer's, afterwards. The
 * calls of its clients are CLIENT spans, and carry the trace to their servers as `options.propagation` says. `options`
 * default to those of `createTracing({ thrift })`. The connection itself is changed and returned; calls give the same
 * results. Never throws: what is wrong with the options is counted, and the connection stays untraced.
 */
export function traceThriftClient<C extends object>(
  tracing: Tracing,
  connection: C,
  options?: ThriftOptions,
): C {
  assumeOurs(tracing)
  const trace = (): C => {
    traceConnection(tracing, connection as unknown as ThriftConnection, options ?? tracing.thrift)
    return connection
  }
  return tracedOnce(tracing, 'thrift client', connection, trace, TRACED_THRIFT)
}

/**
 * Returns a server's processor, traced: a processor with its handler, a multiplexed one, or a generated service as
 * `thrift.createServer` takes it. Each call is a SERVER span, in which the handler runs. It belongs to the caller's
 * trace, whether that comes in a frame before the message, in a field of the arguments, in THeader or in HTTP's headers
 * (where the HTTP server is traced too, its span is the call's). Never throws.
 */
export function traceProcessor<P extends object>(tracing: Tracing, processor: P): P {
  assumeOurs(tracing)
  const trace = (): P =>
    'process' in processor
      ? (tracedProcessor(tracing, processor as unknown as ThriftProcessor) as unknown as P)
      : tracedService(tracing, processor)
  return tracedOnce(tracing, 'thrift server', processor, trace, TRACED_THRIFT)
}

/**
 * Returns the protocol, traced, for use by hand: as the `protocol` of `thrift.createConnection` or of a server, or
 * given to a generated client. Its calls are CLIENT spans, and carry the trace to their servers as
 * `options.propagation` says. A server with this protocol reads messages with a frame before them and without;
 * `traceProcessor` makes its spans. Make one for each connection. Where you have the connection itself
 * `traceThriftClient` does more: it sees when that is lost.
 */
export function tracingProtocol<P extends object>(tracing: Tracing, Base: P, options?: ThriftOptions): P {
  assumeOurs(tracing)
  if (!tracing.enabled) return Base
  const traced = (): unknown =>
    clientProtocol(new ThriftClient(tracing, {}, options ?? tracing.thrift), Base as unknown as ProtocolClass)
  return guarded('thrift client', traced, Base, tracing) as P
}

/** The service, with its processors traced: a generated module, or the constructor of its processors. */
function tracedService<S extends object>(tracing: ServiceTracing, service: S): S {
  const generated = service as Partial<GeneratedService>
  const Processor = generated.Processor ?? (service as GeneratedService['Processor'])
  if (typeof Processor !== 'function') return service
  const Traced = function (handler: object): object {
    return traceProcessor(tracing, new Processor(handler))
  }
  Object.setPrototypeOf(Traced, Processor)
  return (generated.Processor ? standIn(service, { Processor: Traced }) : Traced) as S
}

/** The exports of npm's thrift that are replaced. */
interface Thrift {
  createClient: Method
  createServer: Method
  createMultiplexServer: Method
  createWebServer: Method
  readonly Multiplexer: { readonly prototype: { createClient: Method } }
}

const CREATE_CLIENT = [
  'createClient',
  'createHttpClient',
  'createWSClient',
  'createXHRClient',
  'createStdIOClient',
]

/** Traces every client and server that npm's thrift makes. */
export const thrift: Instrumentation = instrumentation('thrift', (tracing) => {
  return whenLoaded(MAIN_FILES.thrift[0], (exports: Thrift) => patchAll(tracing, exports))
})

function patchAll(tracing: ServiceTracing, exports: Thrift): () => void {
  const methods = exports as unknown as Record<string, Method> & Thrift
  const withConnection = (at: number) => (original: Method) =>
    function (this: unknown, ...args: unknown[]): unknown {
      const connection = args[at]
      if (typeof connection === 'object' && connection !== null) traceThriftClient(tracing, connection)
      return Reflect.apply(original, this, args as never[])
    }
  const withProcessor = (original: Method) =>
    function (this: unknown, ...args: unknown[]): unknown {
      const [processor, ...rest] = args
      const traced = isObject(processor) ? traceProcessor(tracing, processor) : processor
      return Reflect.apply(original, this, [traced, ...rest] as never[])
    }
  return uninstallAll([
    ...CREATE_CLIENT.filter((name) => name in methods).map((name) => patch(methods, name, withConnection(1))),
    patch(exports.Multiplexer.prototype, 'createClient', withConnection(2)),
    patch(methods, 'createServer', withProcessor),
    patch(methods, 'createMultiplexServer', withProcessor),
    patch(methods, 'createWebServer', (original) => {
      return function (this: unknown, ...args: never[]) {
        const server = Reflect.apply(original, this, args)
        guarded('thrift server', () => traceServices(tracing, args[0]), undefined)
        return server
      }
    }),
  ])
}

/** Traces the services of a web server, which has made processors of them and looks these up at each request. */
function traceServices(tracing: ServiceTracing, options: unknown): void {
  const { services } = options as { services: Record<string, { processor: object }> }
  for (const one of Object.values(services)) one.processor = traceProcessor(tracing, one.processor)
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
