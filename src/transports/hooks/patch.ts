import { failed } from '../../host/faults.ts'
import type { Uninstall } from '../../host/patch.ts'

export { patch, unpatched, type Uninstall } from '../../host/patch.ts'

/** One undo of many, run in reverse; one that fails keeps none of the others from it. */
export function uninstallAll(uninstalls: readonly Uninstall[]): Uninstall {
  return () => {
    for (const uninstall of [...uninstalls].reverse()) {
      try {
        uninstall()
      } catch (error) {
        failed('uninstall', error)
      }
    }
  }
}
