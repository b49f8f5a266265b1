const TRACED = Symbol.for('tdist.traced')

type Method = (this: unknown, ...args: never[]) => unknown

/** Whether this is what {@link overridden} made, with that mark. */
export function isTraced(object: object, mark: symbol = TRACED): boolean {
  return mark in object
}

/**
 * The object, some of its methods replaced: still an instance of its class, and all else is its own. Its other methods
 * are called on the object itself, for they may use private fields. The object stays as it was.
 */
export function overridden<T extends object>(
  object: T,
  methods: Readonly<Record<string, Method>>,
  mark: symbol = TRACED,
): T {
  const bound = new Map<unknown, Method>()
  return new Proxy(object, {
    get(target, key) {
      if (key === mark) return true
      if (typeof key === 'string' && Object.hasOwn(methods, key)) return methods[key]
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function' || key === 'constructor') return value
      let method = bound.get(value)
      if (method === undefined) bound.set(value, (method = value.bind(target) as Method))
      return method
    },
    has: (target, key) => key === mark || Reflect.has(target, key),
  })
}
