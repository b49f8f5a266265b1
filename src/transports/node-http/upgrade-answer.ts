import type { Socket } from 'node:net'
import { failed } from '../../host/faults.ts'
import { patch, uninstallAll, type Uninstall } from '../../host/patch.ts'

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/

type Write = (this: Socket, ...args: unknown[]) => unknown

/**
 * Calls `answered` with the status of the first answer that is written to the socket, or with undefined when the first
 * bytes are no answer. Returns the undo.
 */
export function whenAnswered(socket: Socket, answered: (status: number | undefined) => void): Uninstall {
  const watch = (original: Write): Write =>
    function (...args) {
      try {
        unwatch()
        answered(statusOf(args[0]))
      } catch (error) {
        failed('http server', error)
      }
      return original.apply(this, args)
    }
  const writable = socket as unknown as { write: Write; end: Write }
  const unwatch = uninstallAll([patch(writable, 'write', watch), patch(writable, 'end', watch)])
  return unwatch
}

function statusOf(bytes: unknown): number | undefined {
  const text = bytes instanceof Uint8Array ? Buffer.from(bytes.subarray(0, 16)).toString('latin1') : bytes
  const status = typeof text === 'string' ? STATUS_LINE.exec(text)?.[1] : undefined
  return status === undefined ? undefined : Number(status)
}
