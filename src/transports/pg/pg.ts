import type { EventEmitter } from 'node:events'
import { bindEmitter } from '../../context/bind-emitter.ts'
import { bindCallback, connectOutside, ScopedCalls } from '../../context/library-calls.ts'
import { failed } from '../../host/faults.ts'
import { instrumentation, type Instrumentation } from '../hooks/instrumentation.ts'
import { MAIN_FILES } from '../hooks/main-files.ts'
import { ownerOf } from '../hooks/owner-of.ts'
import { whenLoaded } from '../hooks/when-loaded.ts'
import { patch, uninstallAll, type Uninstall } from '../../host/patch.ts'

interface Class {
  readonly prototype: EventEmitter
}

interface Exports {
  readonly Client: Class & { readonly prototype: { query: Query } }
  readonly Query: Class
}

type Query = (this: unknown, ...args: unknown[]) => unknown

/**
 * The methods by which pg tells a query, its own or a cursor's, what came. All callbacks and events come from these.
 */
const TOLD = [
  'submit',
  'handleRowDescription',
  'handleDataRow',
  'handlePortalSuspended',
  'handleCommandComplete',
  'handleEmptyQuery',
  'handleReadyForQuery',
  'handleCopyInResponse',
  'handleCopyData',
  'handleError',
]
/** The methods of a cursor that take a callback. */
const CALLED = ['read', 'close']

/**
 * Makes what pg calls back run with the span that was current when the query was made, over whichever connection it
 * went. It makes no spans of its own.
 */
export const pg: Instrumentation = instrumentation('pg', () => {
  return uninstallAll([whenLoaded(MAIN_FILES.pg[0], scopeQueries), whenLoaded(MAIN_FILES.pg[1], scopePool)])
})

function scopeQueries({ Client, Query }: Exports): Uninstall {
  const queries = new ScopedCalls()
  const scoped = new WeakSet<object>()
  const undos: Uninstall[] = []
  /** Traces the class of a query. A class that is not pg's own is traced when its first query is made. */
  const scopeClassOf = (query: object): void => {
    const prototype = Object.getPrototypeOf(query) as object | null
    if (prototype === null || scoped.has(prototype)) return
    scoped.add(prototype)
    for (const [owner, name] of methodsOf(query, TOLD)) {
      undos.push(queries.told(owner, name, name === 'handleDataRow' ? hearsRows : undefined))
    }
    for (const [owner, name] of methodsOf(query, CALLED)) undos.push(bindCallback(owner, name))
  }
  scopeClassOf(Object.create(Query.prototype) as object)

  return uninstallAll([
    () => uninstallAll(undos)(),
    queries.madeAtAssignmentOf(Query.prototype, 'callback'),
    patch(Client.prototype, 'query', (original) => {
      return function (...args) {
        try {
          const [config] = args
          if (isSubmittable(config)) {
            scopeClassOf(config)
            queries.made(config)
          }
        } catch (error) {
          failed('pg', error)
        }
        return Reflect.apply(original, this, args)
      }
    }),
    connectOutside(Client.prototype, 'connect'),
    bindCallback(Client.prototype, 'end'),
    bindEmitter(Client.prototype, 'every scope'),
  ])
}

function scopePool(Pool: Class): Uninstall {
  return uninstallAll([
    bindCallback(Pool.prototype, 'connect'),
    bindCallback(Pool.prototype, 'end'),
    bindEmitter(Pool.prototype, 'every scope'),
  ])
}

function isSubmittable(config: unknown): config is object {
  return typeof (config as { submit?: unknown } | null | undefined)?.submit === 'function'
}

/** Whether anybody listens for rows: they come often, and most queries have no listener for them. */
function hearsRows(query: object): boolean {
  return (query as Partial<EventEmitter>).listenerCount?.('row') !== 0
}

/** Those of the methods that the object inherits, each with the prototype that has it. */
function methodsOf(object: object, names: readonly string[]): [object, string][] {
  const found: [object, string][] = []
  for (const name of names) {
    const owner = ownerOf(Object.getPrototypeOf(object) as object, name)
    if (owner && typeof (owner as Record<string, unknown>)[name] === 'function') found.push([owner, name])
  }
  return found
}
