const TRACED = Symbol.for('tdist.traced')

type Method = (this: unknown, ...args: never[]) => unknown

/** Whether this is what {@link overridden} made, with that mark. */
export function isTraced(object: object, mark: symbol = TRACED): boolean {
  return mark in object
}

/**
 * The object, some of its methods replaced: still an instance of its class, and all else is its own. Its other methods
 * are called on the object itself, for they may use private fields. The object stays as it was, but for what its owner
 * assigns to either: that goes before what was replaced, as a test's spy has to.
 */
export function overridden<T extends object>(
  object: T,
  methods: Readonly<Record<string, Method>>,
  mark: symbol = TRACED,
): T {
  const bound = new Map<unknown, Method>()
  const shown = (key: PropertyKey, value: unknown): unknown => {
    if (typeof key === 'string' && Object.hasOwn(methods, key)) return methods[key]
    if (typeof value !== 'function' || key === 'constructor') return value
    let method = bound.get(value)
    if (method === undefined) bound.set(value, (method = value.bind(object) as Method))
    return method
  }
  /** What its owner has replaced since, and what was there before. */
  const replaced = new Map<PropertyKey, unknown>()
  const replace = (key: PropertyKey, value: unknown): unknown => {
    const before: unknown = replaced.has(key) ? replaced.get(key) : Reflect.get(object, key)
    const isPutBack = value === before || value === shown(key, before)
    if (isPutBack) replaced.delete(key)
    else replaced.set(key, before)
    return isPutBack ? before : value
  }
  return new Proxy(thawed(object), {
    get(_, key) {
      if (key === mark) return true
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
  })
}

/** A proxy may not say of a frozen object what is not so. Of a copy it may. */
function thawed<T extends object>(object: T): T {
  if (!Object.isFrozen(object)) return object
  const own: Record<PropertyKey, PropertyDescriptor> = Object.getOwnPropertyDescriptors(object)
  for (const key of Reflect.ownKeys(own)) own[key] = { ...own[key], configurable: true }
  return Object.create(Object.getPrototypeOf(object) as object, own) as T
}
