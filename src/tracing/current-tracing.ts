import { processState } from '../host/process-state.ts'
import type { Tracing } from './tracing.ts'

/**
 * The tracing for code that is handed none: for local spans, flushes and metrics in a service that is traced by
 * `tdist/register`. It is the one that `createTracing` made last, on or off. Where this copy of the package has made none,
 * it is the drop-in's, else the one that another copy made last. Undefined when there is none. `@traced()` uses the same.
 */
export function currentTracing(): Tracing | undefined {
  return processState.tracing as Tracing | undefined
}
