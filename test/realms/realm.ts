import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { createContext, Script } from 'node:vm'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** What test-file.mjs exports. Every call answers text. */
export type TestFile = Record<string, (options?: object) => Promise<string> | string>

/** A realm, as Jest makes one for each test file: globals of its own, Node's modules everybody's. */
export interface Realm {
  readonly file: TestFile
  /** Another copy of the package and of the file, in the same realm. */
  again(): TestFile
  /** The realm's global object. */
  readonly global: object
}

/** The test file with all it imports, axios and tdist too, as one script. */
export async function bundle(): Promise<Script> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['test/realms/test-file.mjs'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    // Loaded by nobody here.
    external: ['@aws-sdk/*', '@confluentinc/*', 'kafkajs'],
    logLevel: 'error',
  })
  return new Script(`(function (module, exports, require) {${outputFiles[0]!.text}\n})`)
}

/** Makes a realm and runs the file in it, under a name that its spans are to bear. */
export function newRealm(script: Script, fileName: string): Realm {
  const global = createContext({ fileName }) as Record<string, unknown>
  for (const name of SHARED) global[name] = (globalThis as Record<string, unknown>)[name]
  global['process'] = copyOfProcess()
  global['global'] = global
  const again = (): TestFile => {
    const module = { exports: {} }
    const run = script.runInContext(global) as (...args: unknown[]) => void
    run(module, module.exports, createRequire(import.meta.url))
    return module.exports as TestFile
  }
  return { file: again(), again, global }
}

/** The globals that jest-environment-node takes from outside. */
const SHARED = [
  'AbortController',
  'AbortSignal',
  'Blob',
  'Buffer',
  'Event',
  'EventTarget',
  'FormData',
  'Headers',
  'ReadableStream',
  'Request',
  'Response',
  'TextDecoder',
  'TextEncoder',
  'TransformStream',
  'URL',
  'URLSearchParams',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'fetch',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'structuredClone',
]

/** Jest's tests see a copy of it, whose events are not the process's. */
function copyOfProcess(): object {
  const copy = Object.create(EventEmitter.prototype, { [Symbol.toStringTag]: { value: 'process' } }) as object
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(process))) {
    if (!name.startsWith('_')) Object.defineProperty(copy, name, descriptor)
  }
  return copy
}
