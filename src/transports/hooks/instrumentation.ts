import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import type { Uninstall } from '../../host/patch.ts'

/** One traced library, as the drop-in way installs it. */
export interface Instrumentation {
  /** The library's npm name, or `node:http`. */
  readonly module: string
  /** Traces all that the library does from now on. Returns the undo. */
  install(tracing: Tracing): Uninstall
}

/** Makes an {@link Instrumentation} of a function that installs it. For a tracing that is off it installs nothing. */
export function instrumentation(
  module: string,
  install: (tracing: ServiceTracing) => Uninstall,
): Instrumentation {
  return {
    module,
    install(tracing) {
      assumeOurs(tracing)
      return tracing.enabled ? install(tracing) : () => {}
    },
  }
}
