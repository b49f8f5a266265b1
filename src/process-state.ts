import { AsyncLocalStorage } from 'node:async_hooks'
import type NodeModule from 'node:module'
import type { Tracing } from './tracing.ts'

/** What every copy of the package in a process shares. */
interface ProcessState {
  /** Holds the current span. */
  readonly storage: AsyncLocalStorage<unknown>
  /** The tracing made last, for what cannot be handed one: decorators, and a second copy of the package. */
  tracing?: Tracing
  /** The drop-in's tracing, once it is installed. */
  dropIn?: Tracing
  /** Tells this process from others of its service, once it is asked for. */
  instanceId?: string
  /** `node:module`, where it came without loading it. */
  nodeModule?: typeof NodeModule
  /** Holds the tracing of the clients that are traced explicitly. */
  explicit?: AsyncLocalStorage<Tracing>
}

const KEY = Symbol.for('tdist')
const holder = globalThis as { [KEY]?: ProcessState }

/** One state a process, so that two copies of the package share the current span. */
export const processState: ProcessState = (holder[KEY] ??= { storage: new AsyncLocalStorage() })
