const INSPECT = Symbol.for('nodejs.util.inspect.custom')
const word = (): string => 'tdist'

/**
 * Makes `util.inspect` show the objects of a class as one word. It is for what we hang on the host's objects: who logs
 * a request must not log our whole tracing with it.
 */
export function showAsOneWord(objects: { readonly prototype: object }): void {
  Object.defineProperty(objects.prototype, INSPECT, { value: word })
}
