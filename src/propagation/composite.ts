import type { TraceContext } from '../span/trace-context.ts'
import { b3, b3Single, b3SingleNoParent, isLeftOver } from './b3.ts'
import { withBaggage } from './baggage.ts'
import { type Extracted, type Getter, type Propagation, type Setter, withExtra } from './propagation.ts'
import { w3c, w3cExtra } from './w3c.ts'

/** The names that formats have in settings: B3 in several headers, B3 in one, W3C Trace Context. */
export const FORMATS = ['b3', 'b3-single', 'w3c'] as const

/** One of {@link FORMATS}. */
export type Format = (typeof FORMATS)[number]

const PROPAGATIONS: Readonly<Record<Format, Propagation>> = { b3, 'b3-single': b3Single, w3c }

/**
 * Returns a propagation that writes every one of `formats`, and the `baggage` fields. It reads all formats, whichever
 * it writes, in the order `b3`, `x-b3-*`, `traceparent`: the first that is well formed counts. Where none is, the
 * receiver begins a new trace, by the decision that malformed B3 headers have.
 *
 * Throws a TypeError for a format that it does not know, for no format, and for a bad baggage field (see {@link
 * withBaggage}).
 */
export function propagationOf(formats: readonly Format[], baggage: readonly string[]): Propagation {
  const unknown = formats.find((format) => !FORMATS.includes(format))
  if (unknown !== undefined || formats.length === 0) {
    throw new TypeError(`propagation is ${unknown ?? 'empty'}; use one or more of ${FORMATS.join(', ')}`)
  }
  const written = [...new Set(formats)].map((format) => PROPAGATIONS[format])
  return withBaggage(writing(written), baggage)
}

/**
 * As {@link propagationOf}, for messages. It writes B3 in one header without the parent, because receivers of messages
 * never join a span, and W3C's headers where `formats` has them.
 */
export function messagePropagationOf(formats: readonly Format[], baggage: readonly string[]): Propagation {
  return withBaggage(writing(formats.includes('w3c') ? [b3SingleNoParent, w3c] : [b3SingleNoParent]), baggage)
}

function writing(written: readonly Propagation[]): Propagation {
  const writesW3c = written.includes(w3c)

  return {
    keys: written.flatMap(({ keys }) => keys),

    inject<Carrier>(context: TraceContext, carrier: Carrier, set: Setter<Carrier>): void {
      for (let i = 0; i < written.length; i++) written[i]!.inject(context, carrier, set)
    },

    extract<Carrier>(carrier: Carrier, get: Getter<Carrier>): Extracted | undefined {
      let found = b3Single.extract(carrier, get)
      if (found === undefined || isLeftOver(found)) found = b3.extract(carrier, get) ?? found
      if (found === undefined || isLeftOver(found)) return w3c.extract(carrier, get) ?? found
      if (!writesW3c || found.context === undefined) return found

      // B3 goes first, but what other vendors put into tracestate must reach whoever comes after us.
      const extra = w3cExtra(carrier, get, found.context.traceId)
      return extra === undefined ? found : withExtra(found, extra)
    },
  }
}
