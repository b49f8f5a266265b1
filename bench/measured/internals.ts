import type { Tracing } from 'tdist'
import type { ServiceTracing } from '#src/tracing/service-tracing.js'

/** A tracing with all that instrumentations know of it, and users do not. */
export function internals(tracing: Tracing): ServiceTracing {
  return tracing as ServiceTracing
}
