import type { EventEmitter } from 'node:events'
import { failed } from '../host/faults.ts'
import { patch, uninstallAll, unpatched } from '../host/patch.ts'
import { processState } from '../host/process-state.ts'

type Listener = (...args: unknown[]) => unknown
type Add = (this: EventEmitter, event: string | symbol, listener: Listener) => EventEmitter
type Methods = Record<'on' | 'addListener' | 'prependListener' | 'once' | 'prependOnceListener', Add>
type RawListeners = (this: EventEmitter, event: string | symbol) => Listener[]

const { storage } = processState

/** Marks what stands in for a listener. */
const BOUND: unique symbol = Symbol.for('tdist.boundEmitter')

/** Node's listener at the end of every request it has answered: a scope entered for it would serve nobody. */
const NODES_OWN = 'clearIncoming'

/** What stands in for a listener. `rawListeners` shows the listener itself, as if nothing stood in for it. */
interface Bound extends Listener {
  readonly listener: Listener
  readonly [BOUND]?: true
}

/** Gives `run` the name of the listener, and what Node looks at to find and show the listener in its place. */
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
 * A listener that was added in no scope runs in the emitter's scope. With `every scope` it runs in none.
 *
 * Node unwraps a listener's own `listener` property in `removeListener` and `listeners`, so callers find what
 * they added.
 */
export function bindEmitter(emitter: EventEmitter, scopes?: 'every scope'): () => void {
  const methods = emitter as unknown as Methods
  const on = unpatched(methods.on)
  const prependListener = unpatched(methods.prependListener)
  const bound = (listener: Listener): Bound | undefined => {
    const store = storage.getStore()
    if (store === undefined && scopes === undefined) return undefined
    if (typeof listener !== 'function' || listener.name === NODES_OWN) return undefined
    // Two copies of the package may bind an emitter and its prototype.
    if (isBound(listener)) return undefined
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

  return uninstallAll([
    patch(methods, 'on', adding),
    patch(methods, 'addListener', adding),
    patch(methods, 'prependListener', adding),
    patch(methods, 'once', (once) => addingOnce(on, once)),
    patch(methods, 'prependOnceListener', (once) => addingOnce(prependListener, once)),
    patch(emitter as unknown as { rawListeners: RawListeners }, 'rawListeners', withoutBound),
  ])
}

function withoutBound(rawListeners: RawListeners): RawListeners {
  return function (event) {
    const raws = rawListeners.call(this, event)
    try {
      return raws.map((raw) => (isBound(raw) ? raw.listener : raw))
    } catch (error) {
      failed('listener', error)
      return raws
    }
  }
}

function isBound(listener: Listener): listener is Bound {
  return (listener as Bound)[BOUND] === true
}
