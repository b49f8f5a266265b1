import { failed } from '../faults.ts'

/** Takes a patch back. */
export type Uninstall = () => void

type Method = (this: never, ...args: never[]) => unknown

const ORIGINAL = Symbol.for('tdist.original')

/**
 * Replaces `owner[name]` by what `wrap` makes of it; returns the undo. A method that bears our mark already is
 * left alone, so patching twice, or by a second copy of the package, is patching once. The undo leaves a
 * wrapper that somebody put over ours.
 */
export function patch<K extends string, F extends Method>(
  owner: { [key in K]: F },
  name: K,
  wrap: (original: F) => F,
): Uninstall {
  const original = owner[name]
  if (ORIGINAL in original) return () => {}
  const wrapped = wrap(original)
  Object.defineProperties(wrapped, {
    [ORIGINAL]: { value: original },
    length: { value: original.length },
    name: { value: original.name },
  })
  const before = Object.getOwnPropertyDescriptor(owner, name)
  define(owner, name, {
    ...(before ?? { configurable: true, enumerable: false, writable: true }),
    value: wrapped,
  })
  return () => {
    if (owner[name] !== wrapped) return
    if (before) define(owner, name, before)
    else delete (owner as { [key in K]?: F })[name]
  }
}

/** The method under our wrapper, or the method itself where there is none. */
export function unpatched<F>(method: F): F {
  return (method as { [ORIGINAL]?: F })[ORIGINAL] ?? method
}

function define(owner: object, name: string, descriptor: PropertyDescriptor): void {
  Object.defineProperty(owner, name, descriptor)
}

/** One undo of many, run in reverse; one that fails keeps none of the others from it. */
export function uninstallAll(uninstalls: readonly Uninstall[]): Uninstall {
  return () => {
    for (const uninstall of [...uninstalls].reverse()) {
      try {
        uninstall()
      } catch (error) {
        failed('uninstall', error)
      }
    }
  }
}
