import type { EventEmitter } from 'node:events'
import { failed } from '../../host/faults.ts'
import { ownerOf } from './owner-of.ts'
import { patch, type Uninstall } from '../../host/patch.ts'

export type Emit = (this: EventEmitter, event: string | symbol, ...args: unknown[]) => boolean
type Hear<E> = (emitter: E, event: string | symbol, value: unknown) => unknown

/**
 * Tells `hear` what an emitter, or every emitter of a prototype, emits, a moment before its listeners are told: the
 * event and its first value. It is no listener, so it counts as none, `removeAllListeners` leaves it, and Node does
 * what it does for an event that nobody listens for. Returns the undo.
 */
export function overhear<E extends EventEmitter>(emitter: E, where: string, hear: Hear<E>): Uninstall {
  return patch(emitter as { emit: Emit }, 'emit', (original) => {
    const own = lateBound(emitter, original)
    return function (event, value) {
      try {
        hear(this as E, event, value)
      } catch (error) {
        failed(where, error)
      }
      // oxlint-disable-next-line prefer-rest-params -- the one way to pass them all on that allocates nothing
      return own.emit.apply(this, arguments as unknown as Parameters<Emit>)
    }
  })
}

/**
 * The object that has the `emit` which a patch of ours calls. Where the emitter inherits it, that is the prototype it
 * comes from, to be asked at each call: node:domain replaces the `emit` of all emitters, whenever it is loaded.
 */
export function lateBound(emitter: object, original: Emit): { readonly emit: Emit } {
  const owner = ownerOf(Object.getPrototypeOf(emitter) as object, 'emit') as { emit: Emit } | null
  return owner?.emit === original ? owner : { emit: original }
}
