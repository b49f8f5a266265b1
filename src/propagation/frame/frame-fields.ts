import type { Extra } from '../../span/trace-context.ts'
import { readTracestate } from '../tracestate.ts'

/*
 * The fields of a trace frame: a type of one byte, a length of two, the bytes. A type that a reader does not know is
 * skipped.
 */
const BAGGAGE = 1
const TRACESTATE = 2
const CALLER = 3

/** What a frame's fields say. */
export interface FrameFields {
  readonly extra: Extra | undefined
  readonly caller: string | undefined
}

/**
 * The bytes of a frame's fields, at most `room` of them: a field that does not fit is left out. Undefined when there is
 * none.
 */
export function extraFields(
  extra: Extra | undefined,
  caller: string | undefined,
  room: number,
): Buffer | undefined {
  if (caller === undefined && extra === undefined) return undefined
  const parts: Buffer[] = []
  const add = (type: number, text: string): void => {
    const value = Buffer.from(text)
    if (value.length + 3 > room || text === '') return
    room -= value.length + 3
    parts.push(Buffer.from([type, value.length >> 8, value.length & 0xff]), value)
  }
  if (caller !== undefined) add(CALLER, caller)
  if (extra?.baggage !== undefined) add(BAGGAGE, baggageText(extra.baggage))
  if (extra?.tracestate !== undefined) add(TRACESTATE, extra.tracestate)
  return parts.length === 0 ? undefined : Buffer.concat(parts)
}

/** Reads a frame's fields. Undefined when they do not end where the frame does: then it is no frame. */
export function readFields(bytes: Buffer, start: number, end: number): FrameFields | undefined {
  let baggage: Record<string, string> | undefined
  let tracestate: string | undefined
  let caller: string | undefined
  let at = start
  while (at < end) {
    if (at + 3 > end) return undefined
    const from = at + 3
    const to = from + bytes.readUInt16BE(at + 1)
    if (to > end) return undefined
    const type = bytes[at]
    if (type === BAGGAGE) baggage = readBaggage(bytes.toString('utf8', from, to))
    else if (type === TRACESTATE) tracestate = readTracestate(bytes.toString('latin1', from, to))
    else if (type === CALLER) caller = bytes.toString('utf8', from, to)
    at = to
  }
  const extra = baggage || tracestate ? { baggage, tracestate } : undefined
  return { extra, caller }
}

/** Baggage by https://www.w3.org/TR/baggage/, without properties: `name=value`, percent-encoded, commas between. */
function baggageText(baggage: Readonly<Record<string, string>>): string {
  const members: string[] = []
  for (const [name, value] of Object.entries(baggage)) {
    try {
      members.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    } catch {
      // Half of a surrogate pair has no bytes.
    }
  }
  return members.join()
}

/**
 * Reads baggage. Values may go into headers of calls: one that no header takes is left out, and so is a malformed one.
 */
function readBaggage(text: string): Record<string, string> | undefined {
  let baggage: Record<string, string> | undefined
  for (const member of text.split(',')) {
    const equals = member.indexOf('=')
    if (equals <= 0) continue
    try {
      const name = decodeURIComponent(member.slice(0, equals))
      const value = decodeURIComponent(member.slice(equals + 1))
      if (name === '__proto__' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) continue
      ;(baggage ??= {})[name] = value
    } catch {
      // Not percent-encoded text.
    }
  }
  return baggage
}
