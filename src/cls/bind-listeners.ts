import type { EventEmitter } from 'node:events'

type Listener = ((...args: unknown[]) => unknown) & { listener?: Listener }
type Event = string | symbol
type Method = (this: EventEmitter, event: Event, listener: Listener) => EventEmitter
type Methods = Record<
  'on' | 'addListener' | 'prependListener' | 'once' | 'prependOnceListener' | 'off' | 'removeListener',
  Method
> & { rawListeners: (event: Event) => Listener[] }

/** What of a namespace is needed here. */
export interface Binding {
  readonly active: object | null
  bind<F extends (...args: never[]) => unknown>(fn: F): F
}

/** The key of the namespaces that an emitter is bound to: a listener has one wrapper, however many they are. */
const BOUND: unique symbol = Symbol.for('tdist.cls.bound')

/**
 * Makes each listener of an emitter run in the context that was active when it was added. To bind twice is to bind
 * once.
 */
export function bindListeners(emitter: EventEmitter, namespace: Binding): void {
  const bound = (emitter as { [BOUND]?: Set<Binding> })[BOUND]
  if (bound) {
    bound.add(namespace)
    return
  }
  const namespaces = new Set([namespace])
  const { on, prependListener, removeListener, rawListeners } = emitter as unknown as Methods

  const adding = (add: Method): Method =>
    function (event, listener) {
      return add.call(
        this,
        event,
        typeof listener === 'function' ? inContext(namespaces, listener) : listener,
      )
    }
  // Node's own `once` puts a wrapper of its own round the listener, and looks for that one when it has been called.
  const addingOnce = (add: Method): Method =>
    function (event, listener) {
      if (typeof listener !== 'function') return add.call(this, event, listener)
      const bound = inContext(namespaces, listener)
      let fired = false
      const first: Listener = (...args) => {
        if (fired) return undefined
        fired = true
        removeListener.call(this, event, first)
        return Reflect.apply(bound, this, args)
      }
      first.listener = listener
      return add.call(this, event, first)
    }
  // Another wrapper may stand round ours, a tracer's: the caller's listener is then two steps down.
  const removing: Method = function (event, listener) {
    const added = rawListeners.call(this, event).findLast((raw) => leadsTo(raw, listener))
    return removeListener.call(this, event, added ?? listener)
  }

  const methods = {
    on: adding(on),
    addListener: adding(on),
    prependListener: adding(prependListener),
    once: addingOnce(on),
    prependOnceListener: addingOnce(prependListener),
    off: removing,
    removeListener: removing,
    [BOUND]: namespaces,
  }
  for (const key of Reflect.ownKeys(methods)) {
    const value = methods[key as keyof typeof methods]
    Object.defineProperty(emitter, key, { value, configurable: true, writable: true, enumerable: false })
  }
}

function inContext(namespaces: ReadonlySet<Binding>, listener: Listener): Listener {
  let bound = listener
  for (const namespace of namespaces) bound = boundTo(namespace, bound)
  bound.listener = listener
  return bound
}

function boundTo(namespace: Binding, listener: Listener): Listener {
  if (namespace.active) return namespace.bind(listener)
  return function (this: unknown, ...args) {
    return Reflect.apply(namespace.active ? listener : namespace.bind(listener), this, args)
  }
}

function leadsTo(raw: Listener, listener: Listener): boolean {
  for (let step: Listener | undefined = raw; step; step = step.listener) if (step === listener) return true
  return false
}
