import { type Extra, traceContext, type TraceContext } from '../span/trace-context.ts'
import { isHexId, scanHex } from './hex-id.ts'
import type { Extracted, Getter, Propagation, Setter } from './propagation.ts'
import { isOws, readTracestate } from './tracestate.ts'

const TRACEPARENT = 'traceparent'
const TRACESTATE = 'tracestate'

/**
 * W3C Trace Context: `traceparent`, and `tracestate` handed on as it came. A value that breaks a rule of
 * https://www.w3.org/TR/trace-context-2/ counts as none. The format knows only sampled and not sampled: debug is
 * written as sampled, and no decision as not sampled. It knows only 128-bit trace IDs: a 64-bit ID is written with
 * zeros to its left, and an ID that comes with 16 zeros is read as 64 bits.
 */
export const w3c: Propagation = {
  keys: [TRACEPARENT, TRACESTATE],

  inject<Carrier>(context: TraceContext, carrier: Carrier, set: Setter<Carrier>): void {
    const { traceId, extra } = context
    const id = traceId.length === 32 ? traceId : traceId.padStart(32, '0')
    const flags = (context.sampled === true ? 1 : 0) + (extra?.random === true ? 2 : 0)
    set(carrier, TRACEPARENT, '00-' + id + '-' + context.spanId + '-0' + flags)
    if (extra?.tracestate !== undefined) set(carrier, TRACESTATE, extra.tracestate)
  },

  extract<Carrier>(carrier: Carrier, get: Getter<Carrier>): Extracted | undefined {
    const header = get(carrier, TRACEPARENT)
    if (header === undefined) return undefined
    const value = readTraceparent(header)
    if (value === undefined) return undefined

    const extra = extraOf(value, get(carrier, TRACESTATE))
    const traceId = value.slice(value.startsWith(SIXTEEN_ZEROS, 3) ? 19 : 3, 35)
    const sampled = (flagsOf(value) & 1) === 1
    const context = traceContext(traceId, value.slice(36, 52), undefined, sampled, false, false, extra)
    return { context, sampled, debug: false, joinable: false, extra }
  },
}

/**
 * What W3C's headers carry beside the IDs, for a context that was read from another format. Undefined when there is
 * nothing, or when `traceparent` names another trace.
 */
export function w3cExtra<Carrier>(
  carrier: Carrier,
  get: Getter<Carrier>,
  traceId: string,
): Extra | undefined {
  const header = get(carrier, TRACEPARENT)
  if (header === undefined) return undefined
  const value = readTraceparent(header)
  if (value === undefined || !value.startsWith(traceId.padStart(32, '0'), 3)) return undefined
  return extraOf(value, get(carrier, TRACESTATE))
}

const RANDOM: Extra = Object.freeze({ tracestate: undefined, random: true })

function extraOf(traceparent: string, tracestateHeader: string | undefined): Extra | undefined {
  const random = (flagsOf(traceparent) & 2) === 2
  const tracestate = tracestateHeader === undefined ? undefined : readTracestate(tracestateHeader)
  if (tracestate === undefined) return random ? RANDOM : undefined
  return { tracestate, random }
}

const SIXTEEN_ZEROS = '0'.repeat(16)
const LENGTH = 55
const HYPHEN = 45

/** The value without the whitespace round it, or undefined when it is not well formed. */
function readTraceparent(header: string): string | undefined {
  const value = header.length === LENGTH ? header : trimOws(header)
  if (value.length < LENGTH) return undefined
  const version = scanHex(value, 0, 2)
  if (version < 0 || value.startsWith('ff')) return undefined
  if (value.length > LENGTH) {
    // A later version may say more after a hyphen, but no comma: by commas Node joins repeated headers.
    if (version === 0 || value.charCodeAt(LENGTH) !== HYPHEN || value.includes(',')) return undefined
  }
  const wellFormed =
    value.charCodeAt(2) === HYPHEN &&
    isHexId(value, 3, 35) &&
    value.charCodeAt(35) === HYPHEN &&
    isHexId(value, 36, 52) &&
    value.charCodeAt(52) === HYPHEN &&
    scanHex(value, 53, LENGTH) >= 0
  return wellFormed ? value : undefined
}

/** The lower four bits of the flags of a well-formed traceparent. */
function flagsOf(traceparent: string): number {
  const code = traceparent.charCodeAt(LENGTH - 1)
  return code < 58 ? code - 48 : code - 87
}

function trimOws(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isOws(value.charCodeAt(start))) start++
  while (end > start && isOws(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}
