import type { Tracing } from '../../tracing/tracing.ts'
import type { Uninstall } from './patch.ts'

/** One traced library, as the drop-in way installs it. */
export interface Instrumentation {
  /** The library's npm name, or `node:http`. */
  readonly module: string
  /** The versions that the tests run against. */
  readonly versions: string
  /** Traces everything the library does from now on. Returns the undo. */
  install(tracing: Tracing): Uninstall
}
