import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks'
import type { EventEmitter } from 'node:events'
import { bindListeners } from './bind-listeners.ts'

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
  readonly id: number = ++lastId
  readonly #storage = new AsyncLocalStorage<Scope | undefined>()
  /** Contexts that were entered and not exited. */
  readonly #entered = new WeakSet<Context>()

  /** Use `createNamespace`. */
  constructor(name: string) {
    this.name = name
  }

  /** The context that is active here, or null. */
  get active(): Context | null {
    return this.#storage.getStore()?.context ?? null
  }

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
  createContext(): Context {
    const context = Object.create(this.active ?? Object.prototype) as Context
    context['_ns_name'] = this.name
    context['id'] = executionAsyncId()
    return context
  }

  /** Calls `fn` with a new context, active in all that it starts. Returns the context; what `fn` throws is thrown. */
  run(fn: (context: Context) => unknown): Context {
    const context = this.createContext()
    this.#call(context, fn, undefined, [context])
    return context
  }

  /** As `run`, and returns what `fn` returns. */
  runAndReturn<T>(fn: (context: Context) => T): T {
    const context = this.createContext()
    return this.#call(context, fn, undefined, [context])
  }

  /** As `runAndReturn`, for a function that returns a promise; throws when it does not. */
  runPromise<T>(fn: (context: Context) => Promise<T>): Promise<T> {
    const context = this.createContext()
    const promise = this.#storage.run({ context }, fn, context)
    if (!promise?.then || !promise.catch) throw new Error('fn must return a promise.')
    return promise.catch((error: unknown) => {
      noteContext(error, context)
      throw error
    })
  }

  /** `fn`, to be called later with `context` active: by default the one that is active now, or else a new one. */
  bind<F extends (...args: never[]) => unknown>(fn: F, context?: Context | null): F {
    const bound = context || this.active || this.createContext()
    const call = this.#call.bind(this) as (...args: unknown[]) => unknown
    return function clsBind(this: unknown, ...args: unknown[]) {
      return call(bound, fn, this, args)
    } as unknown as F
  }

  /**
   * Makes `context` active from here on, until `exit`: in the rest of what runs now, and in all that this starts.
   * Prefer `run`, which ends by itself.
   */
  enter(context: Context): void {
    if (!context) throw new Error('context must be provided for entering')
    this.#entered.add(context)
    this.#storage.enterWith({ context, outer: this.#storage.getStore(), entered: true })
  }

  /** Undoes `enter`, in whatever order. Throws when `context` was not entered. */
  exit(context: Context): void {
    if (!context) throw new Error('context must be provided for exiting')
    if (!this.#entered.delete(context)) throw new Error("context not currently entered; can't exit.")
    const scope = this.#storage.getStore()
    const left = without(context, scope)
    if (left !== scope) this.#storage.enterWith(left)
  }

  /**
   * Makes the listeners that are added to `emitter` from here on run in the context that is active when they are added;
   * or, added outside of any, in the one that is active when they are called, or else a new one.
   */
  bindEmitter(emitter: EventEmitter): void {
    if (!emitter.on || !emitter.addListener || !emitter.emit) throw new Error('can only bind real EEs')
    bindListeners(emitter, this)
  }

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
