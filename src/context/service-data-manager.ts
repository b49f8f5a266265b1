import type { AsyncLocalStorage } from 'node:async_hooks'
import type { EventEmitter } from 'node:events'
import { failed } from '../host/faults.ts'
import { guarded } from '../host/guarded.ts'
import { keepSignature } from '../host/keep-signature.ts'
import { processState } from '../host/process-state.ts'
import type { ServiceSpan } from '../span/service-span.ts'
import type { Span } from '../span/span.ts'
import { bindEmitter } from './bind-emitter.ts'
import type { DataManager } from './data-manager.ts'
import { logFields, type LogFields } from './log-fields.ts'

/** Stands where a span would, inside work that must never be traced: the publisher's own. */
const UNTRACED = Symbol.for('tdist.untraced')

type Store = ServiceSpan | typeof UNTRACED | undefined

/*
 * Only `run` is ever called on the storage: `enterWith` would change the caller's own scope.
 */
const storage = processState.storage as AsyncLocalStorage<Store>

/** Holds the current span of the running code. What users may know of it is {@link DataManager}. */
export class ServiceDataManager implements DataManager {
  get current(): ServiceSpan | undefined {
    try {
      const store = storage.getStore()
      return store === UNTRACED ? undefined : store
    } catch (error) {
      failed('context', error)
      return undefined
    }
  }

  /** Whether calls made now are left untraced: the publisher's own, or the inner calls of a traced client. */
  get suppressed(): boolean {
    const store = storage.getStore()
    return store !== undefined && (store === UNTRACED || store.kind === 'CLIENT')
  }

  run<T>(span: Span | undefined, fn: () => T): T {
    // Users have no other spans than those that we made.
    return storage.run(span as ServiceSpan | undefined, fn)
  }

  /** As `Reflect.apply`, with `span` current. Nothing that can fail stands between this and the function. */
  apply<T>(
    span: ServiceSpan | undefined,
    fn: (this: never, ...args: never[]) => T,
    self: unknown,
    args: ArrayLike<unknown>,
  ): T {
    return storage.run(span, Reflect.apply, fn, self, args) as T
  }

  /** Runs `fn` outside any trace, with every call it makes left untraced. */
  untraced<T>(fn: () => T): T {
    return storage.run(UNTRACED, fn)
  }

  bind<F extends (...args: never[]) => unknown>(fn: F): F {
    try {
      const store = storage.getStore()
      const bound = function (this: unknown, ...args: Parameters<F>) {
        return storage.run(store, Reflect.apply, fn, this, args) as unknown
      }
      return keepSignature(bound, fn) as unknown as F
    } catch (error) {
      failed('context', error)
      return fn
    }
  }

  bindEmitter<E extends EventEmitter>(emitter: E): E {
    guarded('context', () => bindEmitter(emitter), undefined)
    return emitter
  }

  logFields(): LogFields {
    try {
      return logFields(this.current)
    } catch (error) {
      failed('context', error)
      return {}
    }
  }
}
