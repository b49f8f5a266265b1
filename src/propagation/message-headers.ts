import { types } from 'node:util'
import { b3 } from './b3.ts'
import type { Propagation } from './propagation.ts'
import { w3c } from './w3c.ts'

/** Headers of a message as Kafka's clients have them: values that came are bytes, repeated ones a list. */
export type MessageHeaders = Readonly<Record<string, unknown>>

const TRACE_KEYS: ReadonlySet<string> = new Set(['b3', ...b3.keys, ...w3c.keys])
const FIRST_LETTERS = 'bBtTxX'

/** The most bytes of a trace header: nobody's are longer. */
const MAX_BYTES = 4096

/**
 * The value of one header of a message. Upper and lower case of names are the same; of a repeated header the last
 * counts, as in Brave. Undefined where the value is neither text nor bytes (a header that is named `constructor` comes
 * as a function). Some versions of Spring write strings as JSON: the quotes are taken off.
 */
export function messageHeader(headers: MessageHeaders | undefined, name: string): string | undefined {
  if (headers === undefined || headers === null) return undefined
  let value: unknown = Object.hasOwn(headers, name) ? headers[name] : undefined
  if (value === undefined) {
    for (const key in headers) {
      if (key.length === name.length && key.toLowerCase() === name && Object.hasOwn(headers, key))
        value = headers[key]
    }
  }
  if (Array.isArray(value)) value = value.at(-1)
  if (types.isUint8Array(value)) {
    if (value.length > MAX_BYTES) return undefined
    value = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')
  }
  if (typeof value !== 'string' || value.length > MAX_BYTES) return undefined
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

/** The names of the trace headers that a message has, as they are written there. */
export function traceKeysOf(headers: MessageHeaders): string[] {
  const found: string[] = []
  for (const key in headers) {
    if (FIRST_LETTERS.includes(key[0]!) && TRACE_KEYS.has(key.toLowerCase())) found.push(key)
  }
  return found
}

/**
 * The formats that a message was passed on with and `written` does not have: those who read them go on reading them.
 */
export function alsoWritten(keys: readonly string[], written: Propagation): Propagation[] {
  const has = (name: string): boolean => keys.some((key) => key.toLowerCase() === name)
  return [b3, w3c].filter(({ keys: [first] }) => has(first!) && !written.keys.includes(first!))
}
