import { failed } from '../../host/faults.ts'
import { everyLive, hold, release } from '../../host/held.ts'
import { patch, type Uninstall } from '../../host/patch.ts'
import { processState, sharedList } from '../../host/process-state.ts'
import { onMicrotask } from '../../host/timers.ts'
import { counted } from '../hooks/install-once.ts'
import { uninstallAll } from '../hooks/patch.ts'
import { nodeHttp } from './modules.ts'

interface Waiting {
  readonly install: () => Uninstall
  /** Undefined as long as it waits. */
  uninstall?: Uninstall
}

/** Of all copies: one of them watches. */
const waiting = sharedList<Waiting>('waiting for https')

/**
 * Calls `install` when node:https is loaded: at once, if it is. To load it for its sake would take 8 ms and 5 MB of a
 * service that never uses it. The undo takes all of it back. An `install` that throws is counted.
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
 * There are three ways in. `require` and `getBuiltinModule` return what they loaded, and are looked at then. An `import`
 * passes nothing of JavaScript's, but node:https makes an agent while it loads, and every agent adds a listener to itself;
 * it is there a microtask later, before the module that imports it runs.
 */
const watch = counted(() => {
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

function look(): void {
  try {
    if (!isHttpsLoaded()) return
    for (const wanted of everyLive(waiting)) {
      if (wanted.uninstall) continue
      // Installing asks for the module, and so looks again.
      wanted.uninstall = () => {}
      wanted.uninstall = wanted.install()
    }
  } catch (error) {
    failed('https', error)
  }
}
