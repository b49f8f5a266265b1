import { calling } from './calling.ts'
import { TRACED } from './traced-mark.ts'

type Method = (this: unknown, ...args: never[]) => unknown

export interface OverrideOptions {
  /** What the result has and the object has not: see `isTraced`. */
  readonly mark?: symbol
  /**
   * Whether a method that is not replaced is called on the object itself; default all are, for they may use private
   * fields.
   */
  readonly onItself?: (key: PropertyKey) => boolean
  /** Where the object is a function: how it is called. */
  readonly call?: (self: unknown, args: never[]) => unknown
}

/**
 * Returns a stand-in for an object, with some of its methods replaced. It is still an instance of the object's class,
 * and all else is the object's own; the other methods are called on the object itself. The object stays as it was. What
 * its owner assigns to either later goes before our methods: a test's spy must be called.
 */
export function overrideMethods<T extends object>(
  object: T,
  methods: Readonly<Record<string, Method>>,
  { mark = TRACED, onItself = () => true, call }: OverrideOptions = {},
): T {
  const bound = new Map<unknown, Method>()
  const shown = (key: PropertyKey, value: unknown): unknown => {
    if (typeof key === 'string' && Object.hasOwn(methods, key)) return methods[key]
    if (value === object) return proxy
    if (typeof value !== 'function' || isClass(value) || key === 'constructor' || !onItself(key)) return value
    let method = bound.get(value)
    if (method === undefined) {
      method = calling(value as Method, (self, args) => {
        const result: unknown = Reflect.apply(value, self === proxy ? object : self, args)
        return result === object ? proxy : result
      })
      bound.set(value, method)
    }
    return method
  }
  /** What the owner has assigned since, and what was there before. */
  const replaced = new Map<PropertyKey, unknown>()
  const replace = (key: PropertyKey, value: unknown): unknown => {
    const before: unknown = replaced.has(key) ? replaced.get(key) : Reflect.get(object, key)
    const isPutBack = value === before || value === shown(key, before)
    if (isPutBack) replaced.delete(key)
    else replaced.set(key, before)
    return isPutBack ? before : value
  }
  const proxy: T = new Proxy(thawed(object), {
    get(_, key) {
      if (key === mark) return true
      if (replaced.size === 0 && typeof key === 'string' && Object.hasOwn(methods, key)) return methods[key]
      const value: unknown = Reflect.get(object, key)
      return replaced.has(key) ? value : shown(key, value)
    },
    has: (target, key) => key === mark || Reflect.has(target, key),
    set: (_, key, value) => Reflect.set(object, key, replace(key, value)),
    defineProperty(_, key, descriptor) {
      const value = 'value' in descriptor && { value: replace(key, descriptor.value) }
      return Reflect.defineProperty(object, key, { ...descriptor, ...value })
    },
    deleteProperty(_, key) {
      replaced.delete(key)
      return Reflect.deleteProperty(object, key)
    },
    ...(call && { apply: (_: T, self: unknown, args: never[]) => call(self, args) }),
  })
  return proxy
}

/**
 * Whether a value is called with `new` alone: a class that hangs on a client (its errors, its events) is no method of
 * it.
 */
function isClass(value: object): boolean {
  return Reflect.getOwnPropertyDescriptor(value, 'prototype')?.writable === false
}

/** What a proxy can stand on: a proxy of a frozen object must show its methods as they are, that of a copy need not. */
function thawed<T extends object>(object: T): T {
  if (!Object.isFrozen(object)) return object
  const own: Record<PropertyKey, PropertyDescriptor> = Object.getOwnPropertyDescriptors(object)
  for (const key of Reflect.ownKeys(own)) own[key] = { ...own[key], configurable: true }
  const prototype = Object.getPrototypeOf(object) as object
  if (typeof object !== 'function') return Object.create(prototype, own) as T
  return Object.defineProperties(Object.setPrototypeOf(() => {}, prototype) as T, own)
}
