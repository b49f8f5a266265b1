import { types } from 'node:util'
import { ownerOf } from './owner-of.ts'

type Method = (this: unknown, ...args: unknown[]) => unknown
type Properties = Readonly<Record<PropertyKey, unknown>>

/*
 * What a library is handed in place of an object of the caller's. Libraries read such an object in two ways: by name
 * (kafkajs's `message.value`, undici's `opts.path`), which sees what is inherited, and by spreading it (kafkajs when it
 * encodes, undici's interceptors, node:http), which sees own properties alone. A stand-in answers both as the object
 * would, but for the properties that are ours.
 */

/**
 * A copy of a plain object that can be changed; undefined for any other object, whose copy would not do. The getters
 * are called, once each, as a spread calls them, and hidden properties are left out: to look for either first takes
 * longer than all else here.
 */
export function plainCopy<T extends object>(object: T): T | undefined {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype) {
    if (prototype !== null && !isForeignRoot(prototype as object)) return undefined
    if (!isPlain(object) || Object.hasOwn(object, '__proto__')) return undefined
    return Object.assign(Object.create(prototype as object | null) as T, object)
  }
  return isPlain(object) ? spread(object) : undefined
}

/**
 * What stands in for an object, with some properties replaced. All else is asked of the object itself, so that getters,
 * private fields and methods work. A property that the object only inherits is seen by its name and not by a spread, as
 * before. What a library writes stays on the stand-in, unless the object has a setter for it.
 */
export function standIn<T extends object>(object: T, properties: object): T {
  const copy = plainCopy(object)
  return copy === undefined ? shadowOf(object, properties as Properties) : Object.assign(copy, properties)
}

/** What stands in for a list, with other elements. It may be `elements` itself, which must have no holes. */
export function listStandIn<T extends readonly unknown[]>(list: T, elements: T): T {
  if (Object.getPrototypeOf(list) === Array.prototype && isPlain(list)) return elements
  return shadowOf(list, elements as unknown as Properties)
}

/**
 * A copy as `{ ...object }` makes it. To add to such a copy takes up to a microsecond in Node 20's V8, so there it is
 * made otherwise.
 */
export function spread<T extends object>(object: T): T {
  // By assignment `__proto__` would be no property but the prototype.
  if (!ADDING_IS_SLOW || Object.hasOwn(object, '__proto__')) return { ...object }
  return Object.assign({} as T, object)
}

const ADDING_IS_SLOW = Number.parseInt(process.versions.v8) < 12

/**
 * Some properties of an object, each read once. They go into its stand-in, so that no getter is called a second time.
 */
export function picked<T extends object>(object: T, names: readonly (keyof T)[]): T {
  const read: Partial<T> = {}
  for (const name of names) if (name in object) read[name] = object[name]
  return read as T
}

function isPlain(object: object): boolean {
  return Object.isExtensible(object) && !types.isProxy(object)
}

/** `Object.prototype` of another realm. */
function isForeignRoot(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** A proxy over an object of the same shape: over the object itself it could not say of a frozen one what is not so. */
function shadowOf<T extends object>(object: T, properties: Properties): T {
  const shadow = (Array.isArray(object) ? [] : {}) as Record<PropertyKey, unknown>
  Object.setPrototypeOf(shadow, Object.getPrototypeOf(object) as object | null)
  const own = Object.create(null) as Record<PropertyKey, PropertyDescriptor>
  for (const key of Reflect.ownKeys(object)) {
    const descriptor = Reflect.getOwnPropertyDescriptor(object, key)
    if (descriptor) own[key] = facing(object, key, descriptor)
  }
  /** What is answered here and not by the object: ours, and what a library has written. */
  const here = new Set<PropertyKey>()
  /** Ours that the object only inherits: they are read by name, and not by a spread. */
  const inherited = new Map<PropertyKey, unknown>()
  for (const key of Reflect.ownKeys(properties)) {
    if (Array.isArray(properties) && key === 'length') continue
    const value = properties[key]
    const before = Reflect.getOwnPropertyDescriptor(object, key)
    if (before === undefined && key in object) {
      inherited.set(key, value)
    } else {
      here.add(key)
      own[key] = { configurable: true, enumerable: before?.enumerable ?? true, value, writable: true }
    }
  }
  Object.defineProperties(shadow, own)
  if (Object.isFrozen(object)) Object.freeze(shadow)
  else if (Object.isSealed(object)) Object.seal(shadow)
  else if (!Object.isExtensible(object)) Object.preventExtensions(shadow)

  const methods = new WeakMap<Method, Method>()
  const proxy = new Proxy(shadow, {
    get(_, key) {
      if (here.has(key)) return Reflect.get(shadow, key, object) as unknown
      if (inherited.has(key)) return inherited.get(key)
      const value: unknown = Reflect.get(object, key)
      if (typeof value !== 'function' || Object.hasOwn(shadow, key) || isGeneric(object, key)) return value
      let method = methods.get(value as Method)
      if (method === undefined) methods.set(value as Method, (method = calledOn(object, value as Method)))
      return method
    },
    has: (_, key) => Reflect.has(shadow, key) || Reflect.has(object, key),
    set(_, key, value) {
      if (!here.has(key) && hasSetter(object, key)) return Reflect.set(object, key, value)
      here.add(key)
      return Reflect.set(shadow, key, value)
    },
    defineProperty(_, key, descriptor) {
      here.add(key)
      return Reflect.defineProperty(shadow, key, descriptor)
    },
    deleteProperty(_, key) {
      here.add(key)
      return Reflect.deleteProperty(shadow, key)
    },
  })

  /** A method that is called on the stand-in runs on the object, which has the private fields. */
  function calledOn(self: object, method: Method): Method {
    return new Proxy(method, {
      apply: (_, on, args) => Reflect.apply(method, on === proxy ? self : on, args),
    })
  }
  return proxy as T
}

/** A property as the shadow has it: a getter of the object's is called on the object. */
function facing(object: object, key: PropertyKey, descriptor: PropertyDescriptor): PropertyDescriptor {
  if ('value' in descriptor) return descriptor
  return {
    ...descriptor,
    ...(descriptor.get && { get: () => Reflect.get(object, key) as unknown }),
    ...(descriptor.set && { set: (value: unknown) => void Reflect.set(object, key, value) }),
  }
}

/** Whether a method is one that every object has, or every array: it is to see the stand-in. */
function isGeneric(object: object, key: PropertyKey): boolean {
  const owner = ownerOf(object, key)
  return (
    owner === null || Array.isArray(owner) || Object.getPrototypeOf(owner) === null || key === 'constructor'
  )
}

function hasSetter(object: object, key: PropertyKey): boolean {
  const owner = ownerOf(object, key)
  return owner !== null && Reflect.getOwnPropertyDescriptor(owner, key)?.set !== undefined
}
