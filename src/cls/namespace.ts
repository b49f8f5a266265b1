import type { EventEmitter } from 'node:events'

/** The key on an error of the context that it was thrown in. */
export const ERROR_SYMBOL = 'error@context'

/** The names that a namespace has values for, and the types of the values. */
// oxlint-disable-next-line no-explicit-any -- as @types/cls-hooked has it: values are the caller's own affair
export type Values = Record<string, any>

/** The values of a scope. It inherits the values of the scope that it was made in. */
export type Context = Values

/** A context that is active. `outer`: for a context that was entered, the scope that `exit` makes active again. */
interface Scope {
  readonly context: Context
  readonly outer?: Scope | undefined
  readonly entered?: true
}

let lastId = 0

/** Values that belong to a chain of calls, through whatever is asynchronous in it. */
export class Namespace<V extends Values = Values> {
  readonly name: string
  /** Tells it from all others of this copy of the package. */
  readonly id: number
  /** The context that is active here, or null. */
  readonly active: Context | null
  /** Sets a value in the active context and returns it. Throws when none is active. */
  set<K extends keyof V & string>(key: K, value: V[K]): V[K] {
    const { active } = this
    if (!active) throw new Error('No context available. ns.run() or ns.bind() must be called first.')
    active[key] = value
    return value
  }

  /** A value of the active context, or of a context that it was made in; undefined when none is active. */
  get<K extends keyof V & string>(key: K): V[K] {
    return this.active?.[key] as V[K]
  }

  /** A new context within the active one, to be handed to `bind` or `enter`. */
  createContext(): Context
  /** Calls `fn` with a new context, active in all that it starts. Returns the context; what `fn` throws is thrown. */
  run(fn: (context: Context) => unknown): Context
  /** As `run`, and returns what `fn` returns. */
  runAndReturn<T>(fn: (context: Context) => T): T
  /** As `runAndReturn`, for a function that returns a promise; throws when it does not. */
  runPromise<T>(fn: (context: Context) => Promise<T>): Promise<T>
  /**
   * Returns a function that calls `fn` with `context` active: by default the one that is active now, or else a new one.
   */
  bind<F extends (...args: never[]) => unknown>(fn: F, context?: Context | null): F
  /**
   * Makes `context` active from here on, until `exit`: in the rest of what runs now, and in all that this starts.
   * Prefer `run`, which ends by itself.
   */
  enter(context: Context): void
  /** Undoes `enter`, in whatever order. Throws when `context` was not entered. */
  exit(context: Context): void
  /**
   * Makes the listeners that are added to `emitter` from here on run in the context that is active when they are added;
   * or, added outside of any, in the one that is active when they are called, or else a new one.
   */
  bindEmitter(emitter: EventEmitter): void
  /** The context an error was thrown in, if it was in one. */
  fromException(exception: unknown): Context | undefined {
    return (exception as Record<string, Context | undefined>)[ERROR_SYMBOL]
  }

  #call<T>(context: Context, fn: (...args: never[]) => T, self: unknown, args: readonly unknown[]): T {
    try {
      return this.#storage.run({ context }, Reflect.apply, fn, self, args) as T
    } catch (error) {
      noteContext(error, context)
      throw error
    }
  }
}

/** The scopes without the innermost one that entered `context`; the same scopes when there is none. */
function without(context: Context, scope: Scope | undefined): Scope | undefined {
  if (!scope?.entered) return scope
  if (scope.context === context) return scope.outer
  const outer = without(context, scope.outer)
  return outer === scope.outer ? scope : { context: scope.context, outer, entered: true }
}

/** Notes on an error the context that it was thrown in. An error that cannot be changed stays as it is. */
function noteContext(error: unknown, context: Context): void {
  if ((typeof error === 'object' && error !== null) || typeof error === 'function') {
    Reflect.set(error, ERROR_SYMBOL, context)
  }
}
