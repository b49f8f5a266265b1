import { ERROR_SYMBOL, type Namespace, type Values } from './cls/namespace.ts'
import { StoredNamespace } from './cls/stored-namespace.ts'

export { ERROR_SYMBOL }
export type { Context, Namespace, Values } from './cls/namespace.ts'

/**
 * Where namespaces are kept. cls-hooked keeps its own there too, so all copies of either find the same namespace by
 * name.
 */
const holder = process as { namespaces?: Record<string, Namespace | null> }
namespaces()

/**
 * Makes a namespace and keeps it under its name, in place of an earlier one. Throws an Error when `name` is empty.
 */
export function createNamespace<V extends Values = Values>(name: string): Namespace<V> {
  if (!name) throw new Error('namespace must be given a name.')
  const namespace = new StoredNamespace<V>(name)
  namespaces()[name] = namespace as unknown as Namespace
  return namespace
}

/** The namespace of that name; `undefined` or `null` when there is none. */
export function getNamespace<V extends Values = Values>(name: string): Namespace<V> | undefined {
  return namespaces()[name] as Namespace<V> | undefined
}

/** Forgets a namespace: nobody finds it by its name any more. Throws an Error when there is none of that name. */
export function destroyNamespace(name: string): void {
  if (!namespaces()[name]) throw new Error(`can't delete nonexistent namespace! "${name}"`)
  namespaces()[name] = null
}

/** Forgets all namespaces. */
export function reset(): void {
  holder.namespaces = Object.create(null) as Record<string, Namespace | null>
}

function namespaces(): Record<string, Namespace | null> {
  return (holder.namespaces ??= Object.create(null) as Record<string, Namespace | null>)
}
