import type { Uninstall } from '../../host/patch.ts'

/** `install`, done when the first asks for it and undone when the last who asked has given it up. */
export function installOnce(install: () => Uninstall): () => Uninstall {
  let users = 0
  let undo: Uninstall | undefined
  return () => {
    if (users++ === 0) undo = install()
    let given = false
    return () => {
      if (given) return
      given = true
      if (--users === 0) undo!()
    }
  }
}
