import { failed } from '../../host/faults.ts'
import { guarded } from '../../host/guarded.ts'
import { everyLive, hold, release } from '../../host/held.ts'
import { processState, sharedList } from '../../host/process-state.ts'
import { installOnce } from './install-once.ts'
import { patch, uninstallAll, type Uninstall } from '../../host/patch.ts'

/** A CommonJS module as Node's loader holds it. */
interface Loaded {
  readonly exports: unknown
  readonly loaded: boolean
}

/** Node's class of CommonJS modules: `load` runs a file, once, be it for `require` or for `import`. */
interface Loader {
  readonly prototype: { load: (this: Loaded, file: string) => void }
  readonly _cache: Readonly<Record<string, Loaded>>
}

interface Waiting {
  readonly mainFile: string
  readonly install: (exports: never) => Uninstall
  readonly uninstalls: Uninstall[]
}

/** What all copies of the package wait for: one of them watches the loader. */
const waiting = sharedList<Waiting>('waiting for modules')

/**
 * Calls `install` with what a CommonJS package exports: at once for the copies that are loaded, and for others when
 * they are. `mainFile` is how the path of the package's main file ends, with slashes: `/kafkajs/index.js`. A package
 * that is bundled into the service has no file and is not seen. An `install` that throws is counted. The undo takes
 * all of it back.
 */
export function whenLoaded<Exports>(mainFile: string, install: (exports: Exports) => Uninstall): Uninstall {
  const loader = processState.nodeModule as unknown as Loader
  const wanted: Waiting = { mainFile, install, uninstalls: [] }
  for (const file in loader._cache) {
    const module = loader._cache[file]
    if (module?.loaded && isMain(file, wanted)) installIn(module, wanted)
  }
  const id = hold(waiting, wanted)
  const unhook = hookLoader()
  return () => {
    release(waiting, id)
    uninstallAll(wanted.uninstalls)()
    unhook()
  }
}

const hookLoader = installOnce(() => {
  return patch((processState.nodeModule as unknown as Loader).prototype, 'load', (load) => {
    return function (this: Loaded, file: string) {
      Reflect.apply(load, this, [file])
      try {
        for (const wanted of everyLive(waiting)) if (isMain(file, wanted)) installIn(this, wanted)
      } catch (error) {
        failed('module load', error)
      }
    }
  })
})

function isMain(file: string, { mainFile }: Waiting): boolean {
  // Windows writes paths with backslashes.
  return file.endsWith(mainFile) || file.replaceAll('\\', '/').endsWith(mainFile)
}

function installIn(module: Loaded, { mainFile, install, uninstalls }: Waiting): void {
  guarded(`install ${mainFile}`, () => uninstalls.push(install(module.exports as never)), undefined)
}
