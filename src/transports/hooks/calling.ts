type Method = (this: never, ...args: never[]) => unknown

/**
 * A stand-in for a function: to call it is to call `call`. All else is the function's own: its name, its length, and
 * whatever its owner has hung on it (a mock's calls, a `fetch` with methods). `mark`: the key of a property that the
 * stand-in has, and the function has not.
 */
export function calling<F extends Method>(
  fn: F,
  call: (self: never, args: never[]) => unknown,
  mark?: symbol,
): F {
  return new Proxy(fn, {
    apply: (_, self, args) => call(self as never, args as never[]),
    ...(mark && { has: (target: F, key: PropertyKey) => key === mark || Reflect.has(target, key) }),
  })
}
