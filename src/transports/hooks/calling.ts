type Method = (this: never, ...args: never[]) => unknown

/**
 * The function, but that `call` does what a call of it does: its name, its length, and whatever its owner has hung on
 * it (a mock's calls, a `fetch` with methods) are its own. `mark` is a property that this one has and it has not.
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
