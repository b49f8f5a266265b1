import type { AxiosInstance, AxiosStatic, CreateAxiosDefaults } from 'axios'
import type { Tracing } from '../tracing.ts'
import { callsTracedBy } from './client-calls.ts'
import { followHttpCalls } from './node-http-client.ts'
import { followUndiciCalls } from './undici-channels.ts'

type Method = (...args: unknown[]) => unknown

const TRACED = Symbol.for('tdist.traced')

/**
 * The axios instance, traced: each request that it sends is a span, one for each redirect it follows. What is
 * returned shares defaults and interceptors with the instance that was given, which stays untraced; `create()`
 * on it gives traced instances.
 *
 * The span is made by what axios stands on, node:http or fetch; an adapter that stands on neither (a mock) has
 * none.
 */
export function traceAxios<A extends AxiosInstance>(tracing: Tracing, axios: A): A {
  try {
    return tracing.enabled && !(TRACED in axios) ? tracedInstance(tracing, axios) : axios
  } catch (error) {
    tracing.failed('axios', error)
    return axios
  }
}

function tracedInstance<A extends AxiosInstance>(tracing: Tracing, axios: A): A {
  followHttpCalls()
  followUndiciCalls()
  const traced = ((...args: Parameters<AxiosInstance>) =>
    callsTracedBy(tracing, axios, undefined, args)) as unknown as A
  // Everything else is read through: `defaults`, `interceptors`, and axios' own classes.
  Object.setPrototypeOf(traced, axios)
  Object.defineProperty(traced, TRACED, { value: true })
  const methods = axios as unknown as Record<string, Method>
  for (const name of Object.keys(axios)) {
    if (typeof methods[name] !== 'function' || !/^[a-z]/.test(name) || name === 'create') continue
    set(traced, name, (...args) => callsTracedBy(tracing, methods[name]!, axios, args))
  }
  if (methods['create']) {
    set(traced, 'create', (config) => {
      return traceAxios(tracing, (axios as unknown as AxiosStatic).create(config as CreateAxiosDefaults))
    })
  }
  return traced
}

function set(traced: AxiosInstance, name: string, value: Method): void {
  Object.defineProperty(traced, name, { value, configurable: true, enumerable: true, writable: true })
}
