import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import { describe } from '../../host/log.ts'
import { TRACED_THRIFT } from '../hooks/traced-mark.ts'
import { isAtEnd } from './end-of-input.ts'
import type { ThriftProtocol } from './protocol.ts'
import { ThriftServerCall, type KnownMethods } from './server-call.ts'
import { serveIn, serving } from './server-protocol.ts'

type Method = (this: unknown, ...args: never[]) => unknown

/** A generated processor, or a multiplexed one. */
export interface ThriftProcessor {
  process(input: ThriftProtocol, output: ThriftProtocol): unknown
  _handler?: object
  services?: Record<string, ThriftProcessor>
}

/** The call whose handler is about to be called: a processor reads a call and calls the handler without a break. */
let current: ThriftServerCall | undefined

/** Returns a processor of the same kind with the same handler, whose calls are traced. */
export function tracedProcessor<P extends ThriftProcessor>(tracing: ServiceTracing, processor: P): P {
  const inner = handling(tracing, processor)
  const known = knownMethods(processor)
  const { process: run } = processor as unknown as { readonly process: Method }
  const process = function (this: unknown, input: ThriftProtocol, output: ThriftProtocol): unknown {
    let call: ThriftServerCall | undefined
    let given = [input, output]
    try {
      if (input !== output && isAtEnd(input)) {
        // No call: Thrift only asks whether there is one more.
        given = [serving(input, undefined), output]
      } else {
        call = new ThriftServerCall(tracing, known)
        if (input === output) serveIn(input, call)
        else given = [serving(input, call), serving(output, call)]
      }
    } catch (error) {
      tracing.failed('thrift server', error)
      call = undefined
      given = [input, output]
    }
    if (call === undefined) return Reflect.apply(run, processor, given as never[])
    const before = current
    current = call
    try {
      const result: unknown = Reflect.apply(run, inner, given as never[])
      ended(call)
      return result
    } catch (error) {
      ended(call, error)
      throw error
    } finally {
      current = before
    }
  }
  return Object.create(processor, { process: { value: process }, [TRACED_THRIFT]: { value: true } }) as P
}

function ended(call: ThriftServerCall, error?: unknown): void {
  try {
    if (error !== undefined) call.failed(describe(error), false)
    // Nobody answers a oneway call, nor one whose handler threw.
    if (error !== undefined || call.isOneway) call.finish()
  } catch (fault) {
    call.tracing.failed('thrift server', fault)
  }
}

/**
 * The processor, with its handler running in the scope of the call; of a multiplexed one the handlers of all services.
 */
function handling<P extends ThriftProcessor>(tracing: ServiceTracing, processor: P): P {
  const { services, _handler } = processor
  if (services) {
    const inner = new WeakMap<ThriftProcessor, ThriftProcessor>()
    const traced = new Proxy(services, {
      get(target, name) {
        const service = Reflect.get(target, name) as ThriftProcessor | undefined
        if (typeof service !== 'object' || typeof name === 'symbol') return service
        let handled = inner.get(service)
        if (handled === undefined) inner.set(service, (handled = handling(tracing, service)))
        return handled
      },
    })
    return Object.create(processor, { services: { value: traced } }) as P
  }
  if (typeof _handler !== 'object' && typeof _handler !== 'function') return processor
  return Object.create(processor, { _handler: { value: scoped(tracing, _handler) } }) as P
}

/** The handler, with its methods running in the scope of the call that is being read. */
function scoped(tracing: ServiceTracing, handler: object): object {
  const { dataManager } = tracing
  const wrappers = new WeakMap<Method, Method>()
  // Over an object of its own: a proxy of a frozen object must show its methods as they are.
  return new Proxy(Object.create(handler) as object, {
    get(_, name) {
      const method = Reflect.get(handler, name) as unknown
      if (typeof method !== 'function') return method
      let wrapper = wrappers.get(method as Method)
      if (wrapper === undefined) {
        const run = (call: ThriftServerCall | undefined, args: never[]): unknown => {
          const span = call?.span
          return span === undefined
            ? Reflect.apply(method, handler, args)
            : dataManager.apply(span, method as Method, handler, args)
        }
        wrapper = (...args: never[]) => run(current, args)
        Object.defineProperties(wrapper, {
          // Generated code tells by the number of parameters whether a callback is wanted.
          length: { value: method.length },
          // And where none is, it may bind the method now and call it later.
          bind: {
            value: (_: unknown, ...bound: never[]) => {
              const call = current
              return (...args: never[]) => run(call, [...bound, ...args])
            },
          },
        })
        wrappers.set(method as Method, wrapper)
      }
      return wrapper
    },
  })
}

function knownMethods(processor: ThriftProcessor): KnownMethods {
  if (!processor.services) {
    const kind = processor.constructor.name
    const service = kind.endsWith('Processor') ? kind.slice(0, -'Processor'.length) || undefined : undefined
    return { serviceOf: () => service, methodOf: (name) => methodIn(processor, name) }
  }
  const { services } = processor
  const serviceIn = (name: string): string => name.slice(0, Math.max(0, name.indexOf(':')))
  return {
    serviceOf: (name) => (Object.hasOwn(services, serviceIn(name)) ? serviceIn(name) : undefined),
    methodOf(name) {
      const service = serviceIn(name)
      if (!Object.hasOwn(services, service)) return undefined
      return methodIn(services[service]!, name.slice(service.length + 1))
    },
  }
}

function methodIn(processor: ThriftProcessor, name: string): Method | undefined {
  const method = (processor as unknown as Record<string, unknown>)[`process_${name}`]
  return typeof method === 'function' ? (method as Method) : undefined
}
