import type { ServiceTracing } from './service-tracing.ts'
import type { Tracing } from './tracing.ts'

/**
 * Tells the compiler that a user's tracing is one that `createTracing` made, here or in another copy of the package: there
 * are no others. It looks at nothing, so that an object that only resembles one works as far as it resembles it.
 */
export function assumeOurs(_tracing: Tracing): asserts _tracing is ServiceTracing {}
