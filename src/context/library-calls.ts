import { failed } from '../host/faults.ts'
import { patch, type Uninstall } from '../host/patch.ts'
import { processState } from '../host/process-state.ts'

/*
 * A library that sends many calls over one connection calls back from the connection's events, which belong to
 * whoever opened it. What stands here is put at the library's own entries, where the caller's scope is still known.
 * Arguments, `this` and results are the caller's and the library's own.
 */

type Method = (this: unknown, ...args: unknown[]) => unknown
type Methods = Record<string, Method>

const { storage } = processState

/** Makes a method of a library call back, by its last argument, in the scope that it was called in. */
export function bindCallback(owner: object, name: string): Uninstall {
  return patch(owner as Methods, name, (original) => {
    return function (...args) {
      return Reflect.apply(original, this, withBoundCallback(args))
    }
  })
}

/**
 * As {@link bindCallback}, for a method that opens a connection: whatever comes of the connection later belongs to no
 * scope, or all of it would to the scope of the first call.
 */
export function connectOutside(owner: object, name: string): Uninstall {
  return patch(owner as Methods, name, (original) => {
    return function (...args) {
      return storage.run(undefined, Reflect.apply, original, this, withBoundCallback(args)) as unknown
    }
  })
}

function withBoundCallback(args: unknown[]): unknown[] {
  try {
    const last = args.length - 1
    const callback = args[last]
    return typeof callback === 'function' ? args.with(last, inThisScope(callback as Method)) : args
  } catch (error) {
    failed('callback', error)
    return args
  }
}

/** A stand-in for the function that runs it in the scope that is current now. */
function inThisScope(callback: Method): Method {
  const store = storage.getStore()
  return new Proxy(callback, {
    apply: (target, self, args: unknown[]) =>
      storage.run(store, Reflect.apply, target, self, args) as unknown,
  })
}

/** The calls of one library that are objects (a query, a command), with the scope that each was made in. */
export class ScopedCalls {
  readonly #scopes = new WeakMap<object, { readonly store: unknown }>()

  /** Notes that a call is made now, in the current scope. A call that is no object is passed over. */
  made(call: unknown): void {
    try {
      if (typeof call === 'object' && call !== null) this.#scopes.set(call, { store: storage.getStore() })
    } catch (error) {
      failed('callback', error)
    }
  }

  /** Notes that a call is made when its constructor first assigns this property. Returns the undo. */
  madeAtAssignmentOf(prototype: object, property: string): Uninstall {
    if (property in prototype) return () => {}
    const made = this.made.bind(this)
    Object.defineProperty(prototype, property, {
      configurable: true,
      get: () => undefined,
      set(this: object, value: unknown) {
        made(this)
        Object.defineProperty(this, property, { value, configurable: true, enumerable: true, writable: true })
      },
    })
    return () => void Reflect.deleteProperty(prototype, property)
  }

  /**
   * Has a method of calls, by which the library tells them what came, run in the scope that the call was made in.
   * `isHeard` may say that nobody would see the scope.
   */
  told(prototype: object, name: string, isHeard?: (call: object) => boolean): Uninstall {
    const scopeOf = this.#scopeOf.bind(this)
    return patch(prototype as Methods, name, (original) => {
      return function (...args) {
        const scope = scopeOf(this, isHeard)
        return scope === undefined
          ? Reflect.apply(original, this, args)
          : (storage.run(scope.store, Reflect.apply, original, this, args) as unknown)
      }
    })
  }

  /** The scope to enter for a call; undefined where that is the current one, or is not known. */
  #scopeOf(call: unknown, isHeard?: (call: object) => boolean): { readonly store: unknown } | undefined {
    try {
      const scope = this.#scopes.get(call as object)
      if (scope === undefined || scope.store === storage.getStore()) return undefined
      return isHeard && !isHeard(call as object) ? undefined : scope
    } catch (error) {
      failed('callback', error)
      return undefined
    }
  }
}
