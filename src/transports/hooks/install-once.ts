import type { Uninstall } from '../../host/patch.ts'

/**
 * Returns a function that installs what many share. Its first call calls `install`; what that returns is called when
 * every caller has undone its own.
 */
export function installOnce(install: () => Uninstall): () => Uninstall {
  let users = 0
  let undo: Uninstall | undefined
  return () => {
    // When it throws, the next who asks tries again.
    if (users === 0) undo = install()
    users++
    let given = false
    return () => {
      if (given) return
      given = true
      if (--users === 0) undo!()
    }
  }
}
