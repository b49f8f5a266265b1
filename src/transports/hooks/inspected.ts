const INSPECT = Symbol.for('nodejs.util.inspect.custom')
const word = (): string => 'tdist'

/**
 * Has node:util show the objects of a class as one word: what hangs on a host's objects, lest a logged request be a
 * logged tracing.
 */
export function showAsOneWord(objects: { readonly prototype: object }): void {
  Object.defineProperty(objects.prototype, INSPECT, { value: word })
}
