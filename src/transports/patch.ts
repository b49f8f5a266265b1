import { failed } from '../faults.ts'
import type { Uninstall } from '../patch.ts'

export { patch, unpatched, type Uninstall } from '../patch.ts'

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
