import type { Tracing } from '../../tracing/tracing.ts'
import type { Uninstall } from '../../host/patch.ts'

/** One traced library, as the drop-in way installs it. */
export interface Instrumentation {
  /** The library's npm name, or `node:http`. */
  readonly module: string
  /** Traces everything the library does from now on. Returns the undo. */
  install(tracing: Tracing): Uninstall
}

/** As `install` says, for a tracing that traces; for one that is off, nothing. */
export function instrumentation(module: string, install: (tracing: Tracing) => Uninstall): Instrumentation {
  return { module, install: (tracing) => (tracing.enabled ? install(tracing) : () => {}) }
}
