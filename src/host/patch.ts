import { guarded } from './guarded.ts'
import { keepSignature } from './keep-signature.ts'
import { isNodeRealm, nodeObject, nodeRealm } from './node-realm.ts'
import { processState } from './process-state.ts'
import {
  covering,
  isServed,
  isUsedHere,
  leaveHook,
  newHook,
  useHook,
  type Fn,
  type Hook,
} from './shared-hook.ts'

/** Takes a patch back. */
export type Uninstall = () => void

const ORIGINAL = Symbol.for('tdist.original')
const HOOK = Symbol.for('tdist.hook')

type Patched = Fn & { readonly [ORIGINAL]?: Fn; readonly [HOOK]?: Hook }
type Owner = Record<string, Patched>

/** A patch of a method: the first one, or one above a wrapper that somebody has put over those before. */
interface Layer {
  readonly hook: Hook
  /** The function that a use of this layer calls. */
  readonly inner: Fn
  /** The property as it was. Undefined when it was inherited. */
  readonly before: PropertyDescriptor | undefined
}

/**
 * Replaces `owner[name]` by what `wrap` makes of it. Returns the undo. To patch twice is to patch once. Where several
 * copies of the package patch what they share, one of their wrappers is in force: that of a copy in Node's own realm,
 * else that of the newest copy. The undo takes back what this copy did, and leaves a wrapper that somebody has put over
 * ours.
 */
export function patch<K extends string, F extends (this: never, ...args: never[]) => unknown>(
  owner: { [key in K]: F },
  name: K,
  wrap: (original: F) => F,
): Uninstall {
  const methods = owner as unknown as Owner
  const isOwn = Object.hasOwn(owner, name)
  // An instance belongs to its maker. What has methods or a constructor of its own may be shared by all copies.
  return isOwn || Object.hasOwn(owner, 'constructor')
    ? patchShared(methods, name, wrap as unknown as Wrap)
    : patchInstance(methods, name, wrap as unknown as Wrap)
}

type Wrap = (original: Fn) => Fn

function patchInstance(owner: Owner, name: string, wrap: Wrap): Uninstall {
  const original = owner[name]!
  const hook = original[HOOK]
  if (hook ? isServed(hook) : ORIGINAL in original) return () => {}
  const wrapped = marked(wrap(original), original)
  define(owner, name, wrapped)
  return () => {
    if (owner[name] === wrapped) Reflect.deleteProperty(owner, name)
  }
}

function patchShared(owner: Owner, name: string, wrap: Wrap): Uninstall {
  const there = owner[name]!
  const hook = there[HOOK]
  if (hook ? !Object.hasOwn(owner, name) && isServed(hook) : ORIGINAL in there) return () => {}
  const layers = layersOf(owner, name)
  if (layers.some((layer) => isUsedHere(layer.hook))) return () => {}

  const id = Symbol(name)
  for (const { hook: covered, inner } of layers) useHook(covered, wrap(inner), id)
  // Somebody's wrapper is on top, and ours is below it or gone. Where a copy in Node's realm is below, that stays so.
  const isOnTop = layers.some((layer) => layer.hook === hook)
  if (!isOnTop && !layers.some((layer) => layer.hook.now !== undefined && !isNodeRealm)) {
    const layer = newLayer(owner, name, layers)
    const standing = marked(useHook(layer.hook, wrap(layer.inner), id), there, layer.hook)
    layers.push(layer)
    define(owner, name, standing, layer.before)
  }
  const weakly = new WeakRef(owner)
  return () => {
    const still = weakly.deref()
    if (still) unpatch(still, name, id)
  }
}

function newLayer(owner: Owner, name: string, below: readonly Layer[]): Layer {
  const there = owner[name]!
  const hooks = new nodeRealm.Array<Hook>()
  for (const { hook } of below) hooks.push(hook)
  return nodeObject<Layer>({
    hook: newHook(there),
    inner: hooks.length > 0 ? covering(hooks, there) : there,
    before: nodeRealm.Object.getOwnPropertyDescriptor(owner, name),
  })
}

function unpatch(owner: Owner, name: string, id: symbol): void {
  const layers = layersOf(owner, name)
  for (const layer of [...layers].reverse()) {
    const { hook, before } = layer
    const { standing } = hook
    const isOnTop = owner[name] === standing
    const next = leaveHook(hook, id)
    if (!isOnTop) continue
    if (next !== undefined) {
      if (next !== standing) define(owner, name, marked(next, hook.original, hook), before)
      continue
    }
    if (before) Object.defineProperty(owner, name, before)
    else Reflect.deleteProperty(owner, name)
    layers.splice(layers.indexOf(layer), 1)
  }
}

/** The layers of a method, the newest last; in a list that all copies share. */
function layersOf(owner: Owner, name: string): Layer[] {
  let byName = processState.hooked.get(owner) as Record<string, Layer[]> | undefined
  if (byName === undefined) processState.hooked.set(owner, (byName = nodeObject({})))
  return Object.hasOwn(byName, name) ? byName[name]! : (byName[name] = new nodeRealm.Array<Layer>())
}

/** The method under our wrapper; the method itself where there is none. */
export function unpatched<F>(method: F): F {
  return (method as { [ORIGINAL]?: F })[ORIGINAL] ?? method
}

function marked(wrapped: Fn, original: Fn, hook?: Hook): Fn {
  return keepSignature(wrapped, original, {
    [ORIGINAL]: { value: original, configurable: true },
    ...(hook && { [HOOK]: { value: hook, configurable: true } }),
  })
}

const PLAIN = { configurable: true, enumerable: false, writable: true }

function define(owner: Owner, name: string, value: Fn, before: PropertyDescriptor = PLAIN): void {
  Object.defineProperty(owner, name, { ...before, value })
}

/** One undo of many, run in reverse. One that throws is counted, and keeps none of the others from it. */
export function uninstallAll(uninstalls: readonly Uninstall[]): Uninstall {
  return () => {
    for (const uninstall of [...uninstalls].reverse()) guarded('uninstall', uninstall, undefined)
  }
}
