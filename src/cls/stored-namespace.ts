import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks'
import type { EventEmitter } from 'node:events'
import { bindListeners } from './bind-listeners.ts'
import { ERROR_SYMBOL, type Context, type Namespace, type Values } from './namespace.ts'

/** A context that is active; `outer` is what becomes active by `exit`, for one that was entered. */
interface Scope {
  readonly context: Context
  readonly outer?: Scope | undefined
  readonly entered?: true
}

let lastId = 0

/** What users may know of it is {@link Namespace}. */
export class StoredNamespace<V extends Values = Values> implements Namespace<V> {
  readonly name: string
  readonly id: number = ++lastId
  readonly #storage = new AsyncLocalStorage<Scope | undefined>()
  /** Contexts that were entered and not exited. */
  readonly #entered = new WeakSet<Context>()

  constructor(name: string) {
    this.name = name
  }

  get active(): Context | null {
    return this.#storage.getStore()?.context ?? null
  }

  set<K extends keyof V & string>(key: K, value: V[K]): V[K] {
    const { active } = this
    if (!active) throw new Error('No context available. ns.run() or ns.bind() must be called first.')
    active[key] = value
    return value
  }

  get<K extends keyof V & string>(key: K): V[K] {
    return this.active?.[key] as V[K]
  }

  createContext(): Context {
    const context = Object.create(this.active ?? Object.prototype) as Context
    context['_ns_name'] = this.name
    context['id'] = executionAsyncId()
    return context
  }

  run(fn: (context: Context) => unknown): Context {
    const context = this.createContext()
    this.#call(context, fn, undefined, [context])
    return context
  }

  runAndReturn<T>(fn: (context: Context) => T): T {
    const context = this.createContext()
    return this.#call(context, fn, undefined, [context])
  }

  runPromise<T>(fn: (context: Context) => Promise<T>): Promise<T> {
    const context = this.createContext()
    const promise = this.#storage.run({ context }, fn, context)
    if (!promise?.then || !promise.catch) throw new Error('fn must return a promise.')
    return promise.catch((error: unknown) => {
      noteContext(error, context)
      throw error
    })
  }

  bind<F extends (...args: never[]) => unknown>(fn: F, context?: Context | null): F {
    const bound = context || this.active || this.createContext()
    const call = this.#call.bind(this) as (...args: unknown[]) => unknown
    return function clsBind(this: unknown, ...args: unknown[]) {
      return call(bound, fn, this, args)
    } as unknown as F
  }

  enter(context: Context): void {
    if (!context) throw new Error('context must be provided for entering')
    this.#entered.add(context)
    this.#storage.enterWith({ context, outer: this.#storage.getStore(), entered: true })
  }

  exit(context: Context): void {
    if (!context) throw new Error('context must be provided for exiting')
    if (!this.#entered.delete(context)) throw new Error("context not currently entered; can't exit.")
    const scope = this.#storage.getStore()
    const left = without(context, scope)
    if (left !== scope) this.#storage.enterWith(left)
  }

  bindEmitter(emitter: EventEmitter): void {
    if (!emitter.on || !emitter.addListener || !emitter.emit) throw new Error('can only bind real EEs')
    bindListeners(emitter, this)
  }

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

/** The scopes there are but for the innermost of `context` that was entered; the same when there is none. */
function without(context: Context, scope: Scope | undefined): Scope | undefined {
  if (!scope?.entered) return scope
  if (scope.context === context) return scope.outer
  const outer = without(context, scope.outer)
  return outer === scope.outer ? scope : { context: scope.context, outer, entered: true }
}

/** An error that can't be written on is thrown as it is. */
function noteContext(error: unknown, context: Context): void {
  if ((typeof error === 'object' && error !== null) || typeof error === 'function') {
    Reflect.set(error, ERROR_SYMBOL, context)
  }
}
