import { COPY, hold, newList, release, thing, type Held } from './held.ts'
import { isNodeRealm, nodeObject, ofNodeRealm } from './node-realm.ts'

export type Fn = (this: never, ...args: never[]) => unknown

/**
 * A function of ours at a place that all copies of the package share: a method of Node's, or a diagnostics channel.
 * Each copy has a use for it, a function of its own, and one use is in force: that of a copy in Node's realm, else that
 * of the newest copy that lives. Everything in it is of Node's realm.
 */
export interface Hook {
  readonly uses: Held<Fn>[]
  /** The function that is called where no copy has a use any more. */
  readonly original: Fn
  /** The use in force, where it is of Node's realm. */
  now: Fn | undefined
  /**
   * The function at the place: the first use itself where that is of Node's realm, else one that calls the use in
   * force.
   */
  standing: Fn | undefined
  /**
   * How many calls are within a call of a later hook, with somebody's wrapper between the two: the later hook has
   * served them.
   */
  covered: number
}

/** A hook that nobody uses yet. */
export function newHook(original: Fn): Hook {
  return nodeObject<Hook>({ uses: newList(), original, now: undefined, standing: undefined, covered: 0 })
}

/** Adds a use of this copy's to the hook, under a name. Returns the function that must be at the place now. */
export function useHook(hook: Hook, use: Fn, id: symbol): Fn {
  hold(hook.uses, use, id)
  hook.now = first(hook)
  return (hook.standing ??= isNodeRealm ? use : dispatcher(hook))
}

/**
 * Takes the use of this name back. Returns the function that must be at the place now; undefined when nobody uses the
 * hook.
 */
export function leaveHook(hook: Hook, id: symbol): Fn | undefined {
  release(hook.uses, id)
  const before = hook.now
  hook.now = first(hook)
  if (!isUsed(hook)) return undefined
  // The function at the place was the use that has ended.
  if (hook.standing === before && hook.now !== before) hook.standing = dispatcher(hook)
  return hook.standing
}

/** Whether this copy uses the hook, or a copy whose use is in force before this copy's would be. */
export function isServed({ uses, now }: Hook): boolean {
  return now !== undefined || uses.some((held) => held.copy === COPY)
}

/** Whether any copy that lives uses the hook. */
export function isUsed({ uses }: Hook): boolean {
  return uses.some((held) => thing(held) !== undefined)
}

/** Whether this copy uses the hook. */
export function isUsedHere({ uses }: Hook): boolean {
  return uses.some((held) => held.copy === COPY)
}

function first({ uses }: Hook): Fn | undefined {
  return uses.find(({ value }) => value !== undefined)?.value
}

/* A function made here would hold this realm as long as it stands at its place. These two use nothing around them. */
const dispatcher = ofNodeRealm(function (hook: Hook): Fn {
  return function (this: never) {
    let use = hook.original
    try {
      if (hook.covered === 0) {
        let found = hook.now
        for (let i = hook.uses.length; found === undefined && i > 0;) found = hook.uses[--i]!.weak?.deref()
        if (found !== undefined) use = found
      }
    } catch {
      // Then the call goes on as if nobody used the hook.
    }
    // oxlint-disable-next-line prefer-rest-params -- passed on as they came
    return Reflect.apply(use, this, arguments as unknown as never[])
  }
})

/** Returns `inner`, with the hooks below told that its calls are within a later hook's. `below` is of Node's realm. */
export const covering: (below: readonly Hook[], inner: Fn) => Fn = ofNodeRealm(function (
  below: readonly Hook[],
  inner: Fn,
): Fn {
  return function (this: never) {
    for (const hook of below) hook.covered++
    try {
      // oxlint-disable-next-line prefer-rest-params -- passed on as they came
      return Reflect.apply(inner, this, arguments as unknown as never[])
    } finally {
      for (const hook of below) hook.covered--
    }
  }
})
