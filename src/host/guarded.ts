import { failed } from './faults.ts'
import type { FaultCounter } from './process-state.ts'

/**
 * Runs work of ours that must not fail the host: returns what `work` returns. When it throws, that is counted at
 * `where` (by `counter`, else by the tracing that was made last), and `otherwise` is returned. Never throws.
 *
 * For what runs once a client, a server or a patch. What runs for every request, message or span has a `try` of its
 * own: a closure for each call would cost more than the work.
 */
export function guarded<T>(where: string, work: () => T, otherwise: T, counter?: FaultCounter): T {
  try {
    return work()
  } catch (error) {
    if (counter === undefined) failed(where, error)
    else counter.failed(where, error)
    return otherwise
  }
}
