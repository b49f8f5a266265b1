import { failed } from './faults.ts'

/**
 * Calls `fulfilled` or `rejected` when a promise has settled; what they throw is counted. Returns the promise that the
 * caller is to get.
 *
 * A plain promise is passed on as one derived from it: were the caller's own only watched, a rejection that nobody
 * handles would count as handled. A subclass's instance may be more than a promise (a child process, a request to be
 * chained), so the caller gets that very one. Thenables that are no promise never come here: calling `then` on a query
 * builder runs the query.
 */
export function whenSettled<P extends Promise<unknown>>(
  promise: P,
  fulfilled: (value: Awaited<P>) => void,
  rejected: (error: unknown) => void,
): P {
  const plain = isPlain(promise)
  const watched = promise.then(
    (value) => {
      try {
        fulfilled(value as Awaited<P>)
      } catch (fault) {
        failed('tracer', fault)
      }
      return value
    },
    (error: unknown) => {
      try {
        rejected(error)
      } catch (fault) {
        failed('tracer', fault)
      }
      if (plain) throw error
    },
  )
  return plain ? (watched as P) : promise
}

/** Whether it is a promise and no more, of whatever realm: its prototype stands right below `Object.prototype`. */
function isPlain(promise: object): boolean {
  const prototype = Object.getPrototypeOf(promise) as object | null
  if (prototype === Promise.prototype) return true
  const above = prototype && (Object.getPrototypeOf(prototype) as object | null)
  return Boolean(above) && Object.getPrototypeOf(above) === null && Object.hasOwn(prototype!, 'finally')
}
