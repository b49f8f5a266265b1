import { processState } from '../host/process-state.ts'
import type { Tracing } from './tracing.ts'

/**
 * The tracing of this process: that of `tdist/register`, else the one that `createTracing` made last. For local spans,
 * flushes and metrics in a service that is traced by `tdist/register`. Undefined when there is none.
 */
export function currentTracing(): Tracing | undefined {
  return processState.tracing as Tracing | undefined
}
