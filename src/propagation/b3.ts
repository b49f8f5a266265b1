import { traceContext, type TraceContext } from '../span/trace-context.ts'
import { isHexId, scanHex } from './hex-id.ts'
import type { Extracted, Getter, Propagation, Setter } from './propagation.ts'

/*
 * B3, by https://github.com/openzipkin/b3-propagation and as Brave reads it. IDs are 16 or 32 hex characters and keep
 * the width they came with; upper case is read as lower case. Anything else in the place of an ID makes all IDs
 * malformed: then only the sampling decision of the headers is left, which counts where no other format has IDs.
 */

const B3 = 'b3'
const TRACE_ID = 'x-b3-traceid'
const SPAN_ID = 'x-b3-spanid'
const PARENT_SPAN_ID = 'x-b3-parentspanid'
const SAMPLED = 'x-b3-sampled'
const FLAGS = 'x-b3-flags'

const DEFER = decision(undefined, false)
const DENY = decision(false, false)
const ACCEPT = decision(true, false)
const DEBUG = decision(true, true)

const LEFT_DENY = decision(false, false)
const LEFT_ACCEPT = decision(true, false)
const LEFT_DEBUG = decision(true, true)

/**
 * Whether what was found is only the decision of headers whose IDs are malformed, and not a decision that came alone.
 */
export function isLeftOver(found: Extracted): boolean {
  return found === LEFT_DENY || found === LEFT_ACCEPT || found === LEFT_DEBUG
}

/**
 * B3 in several headers: `x-b3-traceid`, `x-b3-spanid`, `x-b3-parentspanid`, and `x-b3-sampled` or, for debug,
 * `x-b3-flags` alone. Names are written in lower case: HTTP takes any, other transports need it.
 */
export const b3: Propagation = {
  keys: [TRACE_ID, SPAN_ID, PARENT_SPAN_ID, SAMPLED, FLAGS],

  inject<Carrier>(context: TraceContext, carrier: Carrier, set: Setter<Carrier>): void {
    set(carrier, TRACE_ID, context.traceId)
    set(carrier, SPAN_ID, context.spanId)
    if (context.parentId !== undefined) set(carrier, PARENT_SPAN_ID, context.parentId)
    if (context.debug) set(carrier, FLAGS, '1')
    else if (context.sampled !== undefined) set(carrier, SAMPLED, context.sampled ? '1' : '0')
  },

  extract<Carrier>(carrier: Carrier, get: Getter<Carrier>): Extracted | undefined {
    const decided = decisionOf(get(carrier, SAMPLED), get(carrier, FLAGS))
    if (decided === undefined) return undefined

    const traceIdHeader = get(carrier, TRACE_ID)
    if (traceIdHeader === undefined) return decided === DEFER ? undefined : decided
    const spanIdHeader = get(carrier, SPAN_ID)
    const traceId = idOf(traceIdHeader, isTraceId)
    const spanId = spanIdHeader === undefined ? undefined : idOf(spanIdHeader, isSpanId)
    if (traceId === undefined || spanId === undefined) return leftOver(decided)

    const parentIdHeader = get(carrier, PARENT_SPAN_ID)
    if (parentIdHeader === undefined) return extracted(traceId, spanId, undefined, decided)
    const parentId = idOf(parentIdHeader, isSpanId)
    return parentId === undefined ? leftOver(decided) : extracted(traceId, spanId, parentId, decided)
  },
}

/** B3 in the one header `b3`. */
export const b3Single: Propagation = single(true)

/** The header `b3` without the parent's ID: shorter, for messages, whose receivers never join a span. */
export const b3SingleNoParent: Propagation = single(false)

/**
 * The value of a `b3` header: `traceid-spanid[-sampled][-parentid]`. No `sampled` leaves the decision to the receiver.
 */
export function formatB3Single(context: TraceContext, withParent: boolean): string {
  let value = context.traceId + '-' + context.spanId
  if (context.debug) value += '-d'
  else if (context.sampled !== undefined) value += context.sampled ? '-1' : '-0'
  return withParent && context.parentId !== undefined ? value + '-' + context.parentId : value
}

/**
 * Reads the value of a `b3` header: a context, or a decision alone (`0`, `1`, `d`). Undefined when it is
 * malformed. A parent ID of zeros is the same as none, as in Brave.
 */
export function parseB3Single(value: string): Extracted | undefined {
  return parseLowerCase(value) ?? (UPPER_CASE.test(value) ? parseLowerCase(value.toLowerCase()) : undefined)
}

const UPPER_CASE = /[A-F]/

function parseLowerCase(value: string): Extracted | undefined {
  const length = value.length
  if (length === 1) return decisionAt(value, 0)

  // Every valid combination has a length of its own, so the length alone says which fields there are.
  const traceIdEnd = length === 33 || length === 35 || length === 50 || length === 52 ? 16 : 32
  const spanIdEnd = traceIdEnd + 17
  if (!isHexId(value, 0, traceIdEnd)) return undefined
  if (value.charCodeAt(traceIdEnd) !== HYPHEN || !isHexId(value, traceIdEnd + 1, spanIdEnd)) return undefined

  let decided: Extracted | undefined = DEFER
  let parentId: string | undefined
  let end = spanIdEnd
  const rest = length - spanIdEnd
  if (rest === 2 || rest === 19) {
    if (value.charCodeAt(end) !== HYPHEN) return undefined
    decided = decisionAt(value, end + 1)
    if (decided === undefined) return undefined
    end += 2
  }
  if (rest === 17 || rest === 19) {
    if (value.charCodeAt(end) !== HYPHEN) return undefined
    const bits = scanHex(value, end + 1, end + 17)
    if (bits < 0) return undefined
    if (bits > 0) parentId = value.slice(end + 1)
    end += 17
  }
  if (end !== length) return undefined
  return extracted(value.slice(0, traceIdEnd), value.slice(traceIdEnd + 1, spanIdEnd), parentId, decided)
}

const HYPHEN = 45

function single(withParent: boolean): Propagation {
  return {
    keys: [B3],

    inject<Carrier>(context: TraceContext, carrier: Carrier, set: Setter<Carrier>): void {
      set(carrier, B3, formatB3Single(context, withParent))
    },

    extract<Carrier>(carrier: Carrier, get: Getter<Carrier>): Extracted | undefined {
      const value = get(carrier, B3)
      if (value === undefined) return undefined
      const found = parseB3Single(value)
      if (found !== undefined) return found
      const first = firstOf(value) ?? value
      return parseB3Single(first) ?? leftOverOf(first)
    },
  }
}

/** The decision of a malformed `b3`: read from where the grammar has it, whatever the IDs before it are. */
function leftOverOf(value: string): Extracted | undefined {
  const [, , decided, , tooMany] = value.split('-', 5)
  if (decided?.length !== 1 || tooMany !== undefined) return undefined
  return leftOver(decisionAt(decided.toLowerCase(), 0) ?? DEFER)
}

function leftOver(decided: Extracted): Extracted | undefined {
  if (decided === DENY) return LEFT_DENY
  if (decided === ACCEPT) return LEFT_ACCEPT
  return decided === DEBUG ? LEFT_DEBUG : undefined
}

function decision(sampled: boolean | undefined, debug: boolean): Extracted {
  return Object.freeze({ context: undefined, sampled, debug, joinable: true, extra: undefined })
}

function extracted(
  traceId: string,
  spanId: string,
  parentId: string | undefined,
  { sampled, debug }: Extracted,
): Extracted {
  const context = traceContext(traceId, spanId, parentId, sampled, debug)
  return { context, sampled, debug, joinable: true, extra: undefined }
}

function decisionAt(value: string, index: number): Extracted | undefined {
  switch (value[index]) {
    case '0':
      return DENY
    case '1':
      return ACCEPT
    case 'd':
      return DEBUG
    default:
      return undefined
  }
}

/** The decision of several headers; undefined when `x-b3-sampled` is malformed. Debug wins over any other. */
function decisionOf(sampled: string | undefined, flags: string | undefined): Extracted | undefined {
  let decided: Extracted | undefined = DEFER
  if (sampled !== undefined) {
    decided = sampledOf(sampled) ?? sampledOf((firstOf(sampled) ?? sampled).toLowerCase())
    if (decided === undefined) return undefined
  }
  if (flags === undefined) return decided
  return flags === '1' || firstOf(flags) === '1' ? DEBUG : decided
}

function sampledOf(value: string): Extracted | undefined {
  switch (value) {
    case '1':
    case 'true':
      return ACCEPT
    case '0':
    case 'false':
      return DENY
    default:
      return undefined
  }
}

function idOf(value: string, isValid: (value: string) => boolean): string | undefined {
  if (isValid(value)) return value
  const first = (firstOf(value) ?? value).toLowerCase()
  return isValid(first) ? first : undefined
}

function isTraceId(value: string): boolean {
  const length = value.length
  return (length === 32 || length === 16) && isHexId(value, 0, length)
}

function isSpanId(value: string): boolean {
  return value.length === 16 && isHexId(value, 0, 16)
}

/**
 * The first of several values: Node joins a repeated header with commas, and B3 says that the first one wins.
 * Undefined when there is only one.
 */
function firstOf(value: string): string | undefined {
  const comma = value.indexOf(',')
  return comma < 0 ? undefined : value.slice(0, comma)
}
