import type { EventEmitter } from 'node:events'
import { failed } from '../faults.ts'
import { processState } from '../process-state.ts'

type Listener = (...args: unknown[]) => unknown
type Add = (this: EventEmitter, event: string | symbol, listener: Listener) => EventEmitter
type Methods = Record<'on' | 'addListener' | 'prependListener' | 'once' | 'prependOnceListener', Add>

const { storage } = processState

const BOUND: unique symbol = Symbol.for('tdist.boundEmitter')

/** Node's listener at the end of every request it has answered: a scope entered for it would serve nobody. */
const NODES_OWN = 'clearIncoming'

/** What stands in for a listener; in its place `rawListeners` shows the listener, which has no wrapper of Node's. */
interface Bound extends Listener {
  readonly listener: Listener
  readonly [BOUND]?: true
}

/** Has `run` be unwrapped, named and shown as the listener is. */
function standsFor(listener: Listener, run: Listener): Bound {
  return Object.defineProperties(run, {
    listener: { value: listener },
    name: { value: listener.name, configurable: true },
  }) as Bound
}

/**
 * Replaces an emitter's (or an emitter prototype's) ways to add a listener, so that each listener runs in the
 * scope it was added in rather than in the emitter's. Returns the undo. Binding twice is binding once.
 *
 * Node unwraps a listener's own `listener` property in `removeListener` and `listeners`, so callers find what
 * they added.
 */
export function bindEmitter(emitter: EventEmitter): () => void {
  if ((emitter as { [BOUND]?: true })[BOUND]) return () => {}

  const { on, addListener, prependListener, once, prependOnceListener } = emitter as unknown as Methods
  const { rawListeners } = emitter as unknown as { rawListeners: (event: string | symbol) => Bound[] }

  const bound = (listener: Listener): Bound | undefined => {
    const store = storage.getStore()
    if (store === undefined || typeof listener !== 'function' || listener.name === NODES_OWN) return undefined
    const run = function (this: EventEmitter, ...args: unknown[]) {
      return storage.getStore() === store
        ? listener.apply(this, args)
        : (storage.run(store, Reflect.apply, listener, this, args) as unknown)
    }
    return standsFor(listener, run)
  }
  const adding = (add: Add): Add =>
    function (event, listener) {
      let run: Bound | undefined
      try {
        run = bound(listener)
        if (run) Object.defineProperty(run, BOUND, { value: true })
      } catch (error) {
        failed('listener', error)
      }
      return add.call(this, event, run ?? listener)
    }
  // Node's own `once` would put its wrapper between ours and the caller's, and then could not remove it.
  const addingOnce = (add: Add, original: Add): Add =>
    function (event, listener) {
      let first: Bound | undefined
      try {
        first = boundOnce(this, event, listener)
      } catch (error) {
        failed('listener', error)
      }
      return first ? add.call(this, event, first) : original.call(this, event, listener)
    }
  const boundOnce = (target: EventEmitter, event: string | symbol, listener: Listener): Bound | undefined => {
    const run = bound(listener)
    if (!run) return undefined
    let fired = false
    const first = (...args: unknown[]): unknown => {
      try {
        // An emission goes on with the listeners it began with, even when one of them emits anew.
        if (fired) return undefined
        fired = true
      } catch (error) {
        failed('listener', error)
      }
      target.removeListener(event, first)
      return run.apply(target, args)
    }
    return standsFor(listener, first)
  }

  const methods = {
    on: adding(on),
    addListener: adding(addListener),
    prependListener: adding(prependListener),
    once: addingOnce(on, once),
    prependOnceListener: addingOnce(prependListener, prependOnceListener),
    rawListeners(this: EventEmitter, event: string | symbol) {
      const raws = rawListeners.call(this, event)
      try {
        return raws.map((raw) => (raw[BOUND] ? raw.listener : raw))
      } catch (error) {
        failed('listener', error)
        return raws
      }
    },
    [BOUND]: true,
  }
  const before = Object.getOwnPropertyDescriptors(emitter)
  for (const key of Reflect.ownKeys(methods)) {
    Object.defineProperty(emitter, key, {
      value: methods[key as keyof typeof methods],
      configurable: true,
      writable: true,
      enumerable: false,
    })
  }
  return () => {
    for (const key of Reflect.ownKeys(methods)) {
      const now = Object.getOwnPropertyDescriptor(emitter, key)
      if (now?.value !== methods[key as keyof typeof methods]) continue
      const own = before[key as keyof typeof before] as PropertyDescriptor | undefined
      if (own) Object.defineProperty(emitter, key, own)
      else Reflect.deleteProperty(emitter, key)
    }
  }
}
