import type { EventEmitter } from 'node:events'
import { failed } from '../host/faults.ts'
import { guarded } from '../host/guarded.ts'
import { keepSignature } from '../host/keep-signature.ts'
import { processState } from '../host/process-state.ts'
import type { Span } from '../span/span.ts'
import type { LogFields } from './log-fields.ts'

/**
 * Holds the current span of the running code (Brave's CurrentTraceContext). What is current in a scope is
 * current in everything the scope starts: promises, timers, callbacks.
 */
export class DataManager {
  /** The span that the running code belongs to. */
  get current(): Span | undefined {
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

  /** Runs `fn` with `span` current, or with no span when that is undefined. Returns what `fn` returns. */
  run<T>(span: Span | undefined, fn: () => T): T {
    return storage.run(span, fn)
  }

  /** As `Reflect.apply`, with `span` current. Nothing that can fail stands between this and the function. */
  apply<T>(
    span: Span | undefined,
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

  /** Returns a function that calls `fn` with the span that is current now, whenever it is called. */
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

  /**
   * Makes the emitter's listeners run with the span that was current when each was added. For pools and queues
   * that emit from somebody else's scope. Returns the emitter.
   */
  bindEmitter<E extends EventEmitter>(emitter: E): E {
    guarded('context', () => bindEmitter(emitter), undefined)
    return emitter
  }

  /** The current span's IDs, as fields for a log line; empty when there is none. */
  logFields(): LogFields {
    try {
      return logFields(this.current)
    } catch (error) {
      failed('context', error)
      return {}
    }
  }
}
