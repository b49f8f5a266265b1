import { failed } from '../../host/faults.ts'
import { guarded } from '../../host/guarded.ts'
import { everyLive, hold, release } from '../../host/held.ts'
import { patch, uninstallAll, type Uninstall } from '../../host/patch.ts'
import { processState, sharedList } from '../../host/process-state.ts'
import { onMicrotask } from '../../host/timers.ts'
import { installOnce } from '../hooks/install-once.ts'
import { nodeHttp } from './modules.ts'

interface Waiting {
  readonly install: () => Uninstall
  /** The undo; undefined while node:https is not loaded. */
  uninstall?: Uninstall
}

/** What all copies of the package wait for: one of them watches for all. */
const waiting = sharedList<Waiting>('waiting for https')

/**
 * Calls `install` when node:https is loaded, at once if it is loaded already. We do not load it ourselves: that would
 * take 8 ms and 5 MB of a service that never uses it. Returns the undo. An `install` that throws later is counted.
 */
export function whenHttpsLoads(install: () => Uninstall): Uninstall {
  if (isHttpsLoaded()) return install()
  const unwatch = watch()
  const wanted: Waiting = {
    install() {
      unwatch()
      return install()
    },
  }
  const id = hold(waiting, wanted)
  return () => {
    release(waiting, id)
    wanted.uninstall?.()
    unwatch()
  }
}

/** Whether this process has loaded node:https. */
export function isHttpsLoaded(): boolean {
  const { moduleLoadList } = process as unknown as { moduleLoadList?: readonly string[] }
  return moduleLoadList?.includes('NativeModule https') ?? true
}

type Method = (this: unknown, ...args: never[]) => unknown
type Owner<K extends string> = Record<K, Method>

/*
 * node:https is loaded in three ways. After `require` and `getBuiltinModule` we look whether it is there. An `import`
 * calls no JavaScript function, but node:https makes an agent while it loads, and every agent adds a listener to
 * itself. The module is there a microtask later, before the module that imports it runs.
 */
const watch = installOnce(() => {
  const loader = processState.nodeModule as unknown as Owner<'_load'>
  return uninstallAll([
    patch(loader, '_load', lookingAfter),
    patch(process as unknown as Owner<'getBuiltinModule'>, 'getBuiltinModule', lookingAfter),
    patch(nodeHttp().Agent.prototype as unknown as Owner<'on'>, 'on', (on) => {
      return function (this: unknown, ...args) {
        onMicrotask(look)
        return Reflect.apply(on, this, args)
      }
    }),
  ])
})

function lookingAfter(load: Method): Method {
  return function (this: unknown, ...args: unknown[]) {
    const loaded = Reflect.apply(load, this, args as never[])
    if (args[0] === 'https' || args[0] === 'node:https') look()
    return loaded
  }
}

const nothing: Uninstall = () => {}

function look(): void {
  try {
    if (!isHttpsLoaded()) return
    for (const wanted of everyLive(waiting)) {
      if (wanted.uninstall) continue
      // Installing asks for the module, and so looks again.
      wanted.uninstall = nothing
      // One that fails keeps no other from being installed.
      wanted.uninstall = guarded('https', wanted.install, nothing)
    }
  } catch (error) {
    failed('https', error)
  }
}
