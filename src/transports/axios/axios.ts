import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import type { AxiosStatic, CreateAxiosDefaults } from 'axios'
import { keepSignature } from '../../host/keep-signature.ts'
import { calling } from '../hooks/calling.ts'
import { callsTracedBy } from '../http-clients/client-calls.ts'
import { followHttpCalls } from '../node-http/client.ts'
import { overrideMethods } from '../hooks/override-methods.ts'
import { tracedOnce } from '../hooks/traced-once.ts'
import { followUndiciCalls } from '../undici/channels.ts'

type Method = (this: unknown, ...args: never[]) => unknown
type AxiosClass = AxiosStatic['Axios']

/**
 * An axios instance, or axios itself, by what tells it from others: axios has one set of types for `import` and one for
 * `require`, and neither is the other.
 */
export interface AxiosLike {
  readonly defaults: object
  readonly interceptors: object
  request(...args: never[]): Promise<unknown>
}

/**
 * Returns the axios instance, traced: each request that it sends is a CLIENT span, and so is each redirect that it
 * follows. The instance that was given stays untraced; both share defaults, interceptors and all else. `create()` and
 * `new Axios()` of the traced one give traced instances.
 *
 * The span is made by what axios stands on, node:http or fetch. With an adapter that stands on neither (a mock) there
 * is none. The methods that the instance has now are traced; one that is put on it later is called as it is. Never
 * throws.
 */
export function traceAxios<A extends AxiosLike>(tracing: Tracing, axios: A): A {
  assumeOurs(tracing)
  return tracedOnce(tracing, 'axios', axios, () => tracedInstance(tracing, axios))
}

function tracedInstance<A extends AxiosLike>(tracing: ServiceTracing, axios: A): A {
  followHttpCalls()
  followUndiciCalls()
  const { Axios, create } = axios as unknown as Partial<AxiosStatic>
  const methods: Record<string, Method> = {}
  // Axios itself has helpers beside its methods, which send nothing.
  const sending =
    typeof Axios === 'function' ? Object.getOwnPropertyNames(Axios.prototype) : Object.keys(axios)
  for (const name of sending) {
    const method = (axios as unknown as Record<string, unknown>)[name]
    if (name === 'constructor' || typeof method !== 'function' || !Object.hasOwn(axios, name)) continue
    methods[name] = calling(method as Method, (self, args) =>
      callsTracedBy(tracing, method as Method, self, args),
    )
  }
  if (typeof create === 'function') {
    methods['create'] = calling(create as Method, (self, args) =>
      traceAxios(tracing, Reflect.apply(create, self, args as unknown as [CreateAxiosDefaults]) as AxiosLike),
    )
  }
  if (typeof Axios === 'function') methods['Axios'] = tracedClass(tracing, Axios) as unknown as Method
  return overrideMethods(axios, methods, {
    onItself: () => false,
    call: (self, args) => callsTracedBy(tracing, axios as unknown as Method, self, args),
  })
}

/** The class `Axios`, traced, for code that makes an instance with `new` or derives from it. */
function tracedClass(tracing: ServiceTracing, Axios: AxiosClass): AxiosClass {
  // All other methods send by this one.
  const request = Reflect.get(Axios.prototype, 'request') as Method
  class Traced extends Axios {}
  keepSignature(Traced, Axios)
  Object.defineProperty(Traced.prototype, 'request', {
    configurable: true,
    writable: true,
    value: calling(request, (self, args) => callsTracedBy(tracing, request, self, args)),
  })
  return Traced
}
