import { AsyncLocalStorage } from 'node:async_hooks'
import type NodeModule from 'node:module'
import { hold, newest, newList, release, thing, type Held } from './held.ts'
import { nodeObject, nodeRealm } from './node-realm.ts'

/**
 * The shape of what copies share. Raise it when copies of this version can no longer share with those before: when the
 * state below has changed, or what one copy asks of another's Tracing, Span or calls. Copies of different shapes leave
 * each other alone.
 */
const SHAPE = 1

/** All that is known of a tracing here: it counts failures. `tracing/current-tracing.ts` knows the rest. */
export interface FaultCounter {
  failed(where: string, error: unknown): void
}

/** What every copy of the package in a process shares, in whatever realm. Of Node's realm, all of it. */
interface Shared {
  /** Holds the current span. */
  readonly storage: AsyncLocalStorage<unknown>
  /**
   * Holds the tracing of the clients that are traced explicitly: held weakly, since the host's timers and sockets keep
   * a scope for long.
   */
  readonly explicit: AsyncLocalStorage<Held<object>>
  /** The lists of what each copy has put in, by name. */
  readonly lists: Record<string, Held<object>[]>
  /** The hooks on objects that copies share, by the object. */
  readonly hooked: WeakMap<object, object>
  /** What listens to diagnostics channels. */
  readonly subscriptions: object[]
  /** The calls of the explicit way that are under way, by a header's value that only they have. */
  readonly calls: Map<string, object>
  /** The ID that tells this process from others of its service; undefined until it is asked for. */
  instanceId: string | undefined
  /** `node:module`, where we have it without loading it. */
  nodeModule: typeof NodeModule | undefined
}

const KEY = Symbol.for('tdist')
// Core modules are one in all realms, globals are not.
const holder = AsyncLocalStorage as unknown as { [KEY]?: Record<number, Shared> }
const byShape = (holder[KEY] ??= hidden(nodeObject<Record<number, Shared>>({})))
const shared = (byShape[SHAPE] ??= newState())

function hidden(value: Record<number, Shared>): Record<number, Shared> {
  Object.defineProperty(holder, KEY, { value, configurable: true, writable: true })
  return value
}

function newState(): Shared {
  return nodeObject<Shared>({
    storage: new AsyncLocalStorage(),
    explicit: new AsyncLocalStorage(),
    lists: nodeObject({}),
    hooked: new nodeRealm.WeakMap(),
    subscriptions: new nodeRealm.Array(),
    calls: new nodeRealm.Map(),
    instanceId: undefined,
    nodeModule: undefined,
  })
}

/** The list of this name, which all copies share. */
export function sharedList<T extends object>(name: string): Held<T>[] {
  return (shared.lists[name] ??= newList()) as Held<T>[]
}

const tracings = sharedList<FaultCounter>('tracing')
const dropIns = sharedList<FaultCounter>('drop-in')
/** This copy's entries. */
let tracingMade: symbol | undefined
let droppedIn: symbol | undefined
/** The tracing that this copy made last. */
let own: FaultCounter | undefined

/**
 * One state a process, so that copies of the package, in whatever realm, share the current span. It holds nothing of a
 * realm that has ended.
 */
export const processState = {
  storage: shared.storage as Shared['storage'],
  explicit: shared.explicit as Shared['explicit'],
  hooked: shared.hooked as Shared['hooked'],
  subscriptions: shared.subscriptions as Shared['subscriptions'],
  calls: shared.calls as Shared['calls'],

  /**
   * The tracing that is meant where none is handed over: by `currentTracing()`, by `@traced()`, and by whoever counts a
   * fault. It is the one that this copy of the package made last. A copy that has made none means the drop-in's; where
   * there is no drop-in, the one that any copy made last.
   */
  get tracing(): FaultCounter | undefined {
    if (own !== undefined) return own
    try {
      return processState.dropIn ?? newest(tracings)
    } catch {
      return undefined
    }
  },
  set tracing(tracing: FaultCounter) {
    try {
      own = tracing
      if (tracingMade !== undefined) release(tracings, tracingMade)
      tracingMade = hold(tracings, tracing)
    } catch (error) {
      tracing.failed('options', error)
    }
  },

  /** The ID that tells this process from others of its service; undefined until it is asked for. */
  get instanceId(): string | undefined {
    return shared.instanceId
  },
  set instanceId(id: string) {
    shared.instanceId = id
  },

  /** The drop-in's tracing, once it is installed, of Node's realm or of this one: other realms may have ended. */
  get dropIn(): FaultCounter | undefined {
    const served = dropIns.find((held) => held.value ?? thing(held)?.constructor instanceof Function)
    return served && thing(served)
  },
  set dropIn(tracing: FaultCounter) {
    if (droppedIn !== undefined) release(dropIns, droppedIn)
    droppedIn = hold(dropIns, tracing)
  },

  /** `node:module`. To load it takes milliseconds, so it is set where we have it already. */
  get nodeModule(): typeof NodeModule {
    return (shared.nodeModule ??= process.getBuiltinModule('node:module'))
  },
  set nodeModule(module: unknown) {
    // A test runner that loads modules itself has a class of its own for them, or none.
    const isNodes = module instanceof nodeRealm.Function && 'syncBuiltinESMExports' in module
    if (isNodes) shared.nodeModule = module as unknown as typeof NodeModule
  },
}
