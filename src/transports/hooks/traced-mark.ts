/*
 * How an object tells that it is traced already, to all copies of the package: by a property whose key is a registered
 * symbol. So the names below may not change.
 */

/** The mark of what is traced in one way only: a client, a dispatcher, a `fetch`. */
export const TRACED: unique symbol = Symbol.for('tdist.traced')
/** The mark of Thrift's connections and processors. */
export const TRACED_THRIFT: unique symbol = Symbol.for('tdist.thrift')

/** The marks of Kafka's serializers, by the method that is traced: one object may have both. */
export const TRACED_METHODS: Readonly<Record<'serialize' | 'deserialize', symbol>> = {
  serialize: Symbol.for('tdist.traced.serialize'),
  deserialize: Symbol.for('tdist.traced.deserialize'),
}

/** Whether the object has the mark. */
export function isTraced(object: object, mark: symbol = TRACED): boolean {
  return mark in object
}
