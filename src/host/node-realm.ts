import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Whether this copy of the package lives in the realm of Node's own modules, which ends with the process. Jest gives
 * each test file a realm of its own, which may end at any time.
 */
export const isNodeRealm: boolean = AsyncLocalStorage instanceof Function

/**
 * The globals of the realm of Node's own modules. Every object and every function holds the realm it was made in, so
 * what outlives a realm has to be made by these.
 */
export const nodeRealm: typeof globalThis = isNodeRealm ? globalThis : outside()

/** Returns an object of Node's realm with these fields. */
export function nodeObject<T extends object>(fields: T): T {
  return isNodeRealm ? fields : (Object.assign(new nodeRealm.Object(), fields) as T)
}

/** Returns `make` as a function of Node's realm. It must use nothing but its arguments. */
export function ofNodeRealm<F extends (...args: never[]) => unknown>(make: F): F {
  if (isNodeRealm) return make
  try {
    return run(`(${String(make)})`) as F
  } catch {
    // A tool has rewritten our source, and the function's text no longer stands by itself.
    return make
  }
}

function outside(): typeof globalThis {
  try {
    return run('globalThis') as typeof globalThis
  } catch {
    return globalThis
  }
}

function run(source: string): unknown {
  return process.getBuiltinModule('node:vm').runInThisContext(source)
}
