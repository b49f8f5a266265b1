import { isNodeRealm, nodeObject, nodeRealm } from './node-realm.ts'

/**
 * A thing that one copy of the package has put where all copies see it. Where the copy's realm may end, it is held here
 * by a weak reference: the copy itself holds it as long as the copy lives.
 */
export interface Held<T extends object> {
  /** The thing's name in its list. */
  readonly id: symbol
  readonly copy: symbol
  /** The thing itself, where it is of Node's own realm; else `weak` refers to it. */
  readonly value: T | undefined
  readonly weak: WeakRef<T> | undefined
}

/** This copy of the package. A symbol, for it holds no realm. */
export const COPY: unique symbol = Symbol('tdist')
const kept = new Map<symbol, object>()

/** A new list for the state that all copies share, in the order in which things are put in. */
export function newList<T extends object>(): Held<T>[] {
  return new nodeRealm.Array<Held<T>>()
}

/** Puts a thing into a list that all copies share. Returns its name there. */
export function hold<T extends object>(list: Held<T>[], value: T, id: symbol = Symbol('held')): symbol {
  for (let i = list.length - 1; i >= 0; i--) if (thing(list[i]!) === undefined) list.splice(i, 1)
  if (!isNodeRealm) kept.set(id, value)
  list.push(handle(value, id))
  return id
}

/** Wraps a thing of this copy's for the other copies. */
export function handle<T extends object>(value: T, id: symbol): Held<T> {
  return nodeObject({
    id,
    copy: COPY,
    value: isNodeRealm ? value : undefined,
    weak: isNodeRealm ? undefined : new nodeRealm.WeakRef(value),
  })
}

/** Takes the thing of this name out of a list. */
export function release(list: Held<object>[], id: symbol): void {
  kept.delete(id)
  const index = list.findIndex((held) => held.id === id)
  if (index !== -1) list.splice(index, 1)
}

/** The thing that was put in last and still lives. */
export function newest<T extends object>(list: readonly Held<T>[]): T | undefined {
  for (let i = list.length - 1; i >= 0; i--) {
    const value = thing(list[i]!)
    if (value !== undefined) return value
  }
  return undefined
}

/** All things that still live, in the order in which they were put in. */
export function everyLive<T extends object>(list: readonly Held<T>[]): T[] {
  return list.map(thing).filter((value) => value !== undefined)
}

/** What is held; undefined when its realm has ended. */
export function thing<T extends object>({ value, weak }: Held<T>): T | undefined {
  return value ?? weak?.deref()
}
