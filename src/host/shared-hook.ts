import { COPY, hold, newList, release, thing, type Held } from './held.ts'
import { isNodeRealm, nodeObject, ofNodeRealm } from './node-realm.ts'

export type Fn = (this: never, ...args: never[]) => unknown

/**
 * A function of ours at a place that all copies of the package share: a method of Node's, a diagnostics channel, an
 * event of the process. Each copy has its own use for it, and one is in force: that of a copy in Node's realm, else the
 * newest copy's that lives. All of Node's realm.
 */
export interface Hook {
  readonly uses: Held<Fn>[]
  /** What is called where no copy has a use any more. */
  readonly original: Fn
  /** The use in force, where it is of Node's realm. */
  now: Fn | undefined
  /** What stands at the place: the first use itself, where it is of Node's realm, else what looks for the one in force. */
  standing: Fn | undefined
  /** How many calls are within a later hook's, somebody's wrapper between the two: those are that one's. */
  covered: number
}

/** A hook that nobody uses yet. */
export function newHook(original: Fn): Hook {
  return nodeObject<Hook>({ uses: newList(), original, now: undefined, standing: undefined, covered: 0 })
}

/** Gives this copy a use of the hook, under a name. Returns what is to stand at the place now. */
export function useHook(hook: Hook, use: Fn, id: symbol): Fn {
  hold(hook.uses, use, id)
  hook.now = first(hook)
  return (hook.standing ??= isNodeRealm ? use : dispatcher(hook))
}

/** Takes that use back. Returns what is to stand at the place now; undefined when nobody uses it any more. */
export function leaveHook(hook: Hook, id: symbol): Fn | undefined {
  release(hook.uses, id)
  const before = hook.now
  hook.now = first(hook)
  if (!isUsed(hook)) return undefined
  // What stood there was the use that is over.
  if (hook.standing === before && hook.now !== before) hook.standing = dispatcher(hook)
  return hook.standing
}

/** Whether this copy uses it, or one whose use goes before this copy's. */
export function isServed({ uses, now }: Hook): boolean {
  return now !== undefined || uses.some((held) => held.copy === COPY)
}

/** Whether any copy that lives uses it. */
export function isUsed({ uses }: Hook): boolean {
  return uses.some((held) => thing(held) !== undefined)
}

/** Whether this copy uses it. */
export function isUsedHere({ uses }: Hook): boolean {
  return uses.some((held) => held.copy === COPY)
}

function first({ uses }: Hook): Fn | undefined {
  return uses.find(({ value }) => value !== undefined)?.value
}

/* A function made here would hold this realm as long as it stands at its place. These two reach nothing around them. */
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
      // Then it goes on as if nobody used it.
    }
    // oxlint-disable-next-line prefer-rest-params -- passed on as they came
    return Reflect.apply(use, this, arguments as unknown as never[])
  }
})

/** `inner`, the hooks below knowing that its calls are within a later hook's. A list of Node's realm. */
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
