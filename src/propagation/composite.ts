import { TraceContext } from '../context/trace-context.ts'
import type { Propagation } from './propagation.ts'
export const FORMATS = ['b3', 'b3-single', 'w3c'] as const
export type Format = (typeof FORMATS)[number]
export function propagationOf(_formats: readonly Format[], _baggage: readonly string[]): Propagation {
  return {
    keys: [],
    inject(c, carrier, set) {
      set(carrier, 'X-B3-TraceId', c.traceId)
      set(carrier, 'X-B3-SpanId', c.spanId)
      if (c.parentId) set(carrier, 'X-B3-ParentSpanId', c.parentId)
      if (c.debug) set(carrier, 'X-B3-Flags', '1')
      else if (c.sampled !== undefined) set(carrier, 'X-B3-Sampled', c.sampled ? '1' : '0')
    },
    extract(carrier, get) {
      const t = get(carrier, 'x-b3-traceid')
      if (!t) return undefined
      const sampled = get(carrier, 'x-b3-sampled')
      const context = new TraceContext(
        t,
        get(carrier, 'x-b3-spanid')!,
        get(carrier, 'x-b3-parentspanid'),
        sampled === undefined ? undefined : sampled === '1',
      )
      return { context, sampled: context.sampled, debug: context.debug, joinable: true, extra: undefined }
    },
  }
}
