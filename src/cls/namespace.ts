import type { EventEmitter } from 'node:events'

/** The key on an error of the context that it was thrown in. */
export const ERROR_SYMBOL = 'error@context'

/** The names that a namespace has values for, and the types of the values. */
// oxlint-disable-next-line no-explicit-any -- as @types/cls-hooked has it: values are the caller's own affair
export type Values = Record<string, any>

/** The values of a scope. It inherits the values of the scope that it was made in. */
export type Context = Values

/** Values that belong to a chain of calls, through whatever is asynchronous in it. Made by `createNamespace`. */
export interface Namespace<V extends Values = Values> {
  readonly name: string
  /** Tells it from all others of this copy of the package. */
  readonly id: number
  /** The context that is active here, or null. */
  readonly active: Context | null
  /** Sets a value in the active context and returns it. Throws when none is active. */
  set<K extends keyof V & string>(key: K, value: V[K]): V[K]
  /** A value of the active context, or of one that is round it; undefined when none is active. */
  get<K extends keyof V & string>(key: K): V[K]
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
  fromException(exception: unknown): Context | undefined
}
