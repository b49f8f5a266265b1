import type { TraceContext } from '../span/trace-context.ts'
import { type Extracted, type Getter, type Propagation, type Setter, withExtra } from './propagation.ts'

/** Names that are refused: they would break the message, the trace, or the object that holds the values. */
const REFUSED = new Set([
  'b3',
  'traceparent',
  'tracestate',
  'connection',
  'content-length',
  'host',
  'transfer-encoding',
  'upgrade',
  '__proto__',
])

/** The most characters of all values together, as for tracestate: a call must not become too large for its receiver. */
const MAX_LENGTH = 4096

/**
 * Returns a propagation that also carries the named fields, each in a header of its own name in lower case, as Brave's
 * remote baggage fields. They are read even where there is no trace, into `extra.baggage` under the names given here,
 * and written from there after the trace's own headers. A value that would bring all of them over 4096 characters is
 * left out. With no field it returns the propagation itself.
 *
 * Throws a TypeError when a name can't be a header's, has a meaning for the trace or the message, or comes twice.
 */
export function withBaggage(propagation: Propagation, fields: readonly string[]): Propagation {
  if (fields.length === 0) return propagation
  const headers = fields.map(headerOf)
  const twice = headers.find((header, i) => headers.indexOf(header) !== i)
  if (twice !== undefined) throw new TypeError(`baggage field ${twice} is given twice; give it once`)

  return {
    keys: propagation.keys,

    inject<Carrier>(context: TraceContext, carrier: Carrier, set: Setter<Carrier>): void {
      propagation.inject(context, carrier, set)
      const baggage = context.extra?.baggage
      if (baggage === undefined) return
      for (let i = 0; i < fields.length; i++) {
        const value = baggage[fields[i]!]
        if (typeof value === 'string') set(carrier, headers[i]!, value)
      }
    },

    extract<Carrier>(carrier: Carrier, get: Getter<Carrier>): Extracted | undefined {
      const found = propagation.extract(carrier, get)
      let baggage: Record<string, string> | undefined
      let length = 0
      for (let i = 0; i < fields.length; i++) {
        const value = get(carrier, headers[i]!)
        if (value === undefined || length + value.length > MAX_LENGTH) continue
        length += value.length
        ;(baggage ??= {})[fields[i]!] = value
      }
      return baggage === undefined ? found : withExtra(found, { baggage })
    },
  }
}

function headerOf(field: string): string {
  if (typeof field !== 'string' || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(field)) {
    throw new TypeError(
      `baggage field ${JSON.stringify(field)} can't be a header; use letters, digits, - and _`,
    )
  }
  const header = field.toLowerCase()
  if (REFUSED.has(header) || header.startsWith('x-b3-')) {
    throw new TypeError(`baggage field ${field} is a header with a meaning of its own; use another name`)
  }
  return header
}
