import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import { guarded } from '../../host/guarded.ts'
import { isTraced } from './traced-mark.ts'

/**
 * What `trace` makes of an object of the host's. The object itself, untraced, when tracing is off, when the object has
 * the `mark` already, or when `trace` throws, which is counted at `where`. Never throws.
 */
export function tracedOnce<T extends object>(
  tracing: ServiceTracing,
  where: string,
  object: T,
  trace: () => T,
  mark?: symbol,
): T {
  return guarded(
    where,
    () => (tracing.enabled && !isTraced(object, mark) ? trace() : object),
    object,
    tracing,
  )
}
