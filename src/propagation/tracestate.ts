/** The bits of `ALLOWED`: in which places a character may stand. */
const KEY_START = 1
const KEY = 2
const VALUE = 4

const ALLOWED = new Uint8Array(128)
for (let code = 0x20; code < 0x7f; code++) {
  const char = String.fromCharCode(code)
  if (char !== ',' && char !== '=') ALLOWED[code]! |= VALUE
  if (/[a-z0-9]/.test(char)) ALLOWED[code]! |= KEY_START
  if (/[a-z0-9_*/@-]/.test(char)) ALLOWED[code]! |= KEY
}

/** A call has headers of its own, and a receiver such as Node takes 16 KiB of all together. */
const MAX_LENGTH = 4096
const MAX_MEMBERS = 32
const MAX_KEY = 256
const MAX_VALUE = 256

const TAB = 9
const SPACE = 32
const COMMA = 44
const EQUALS = 61

/**
 * The `tracestate` as it may be handed on. Undefined when it breaks the grammar of
 * https://www.w3.org/TR/trace-context-2/, has no member, more than 32 members (empty ones included) or more than 4096
 * characters. A key that comes twice is left to its owner.
 */
export function readTracestate(header: string): string | undefined {
  const length = header.length
  if (length > MAX_LENGTH) return undefined
  let members = 0
  let empty = true
  let i = 0
  for (;;) {
    if (++members > MAX_MEMBERS) return undefined
    while (isOws(header.charCodeAt(i))) i++
    if (i < length && header.charCodeAt(i) !== COMMA) {
      i = memberEnd(header, i)
      if (i < 0) return undefined
      empty = false
    }
    if (i === length) return empty ? undefined : header.trim()
    i++
  }
}

/** Where the member that begins at `start` ends: at a comma or the end of the text. Negative when it is malformed. */
function memberEnd(header: string, start: number): number {
  if (!allows(header.charCodeAt(start), KEY_START)) return -1
  let i = start + 1
  while (allows(header.charCodeAt(i), KEY)) i++
  if (i - start > MAX_KEY || header.charCodeAt(i) !== EQUALS) return -1

  const valueStart = ++i
  let valueEnd = valueStart
  let tab = false
  for (; i < header.length; i++) {
    const code = header.charCodeAt(i)
    if (code === COMMA) break
    if (code === TAB) tab = true
    if (isOws(code)) continue
    // A tab is whitespace round a member, never a part of it.
    if (tab || !allows(code, VALUE)) return -1
    valueEnd = i + 1
  }
  const valueLength = valueEnd - valueStart
  return valueLength > 0 && valueLength <= MAX_VALUE ? i : -1
}

function allows(code: number, kind: number): boolean {
  return (ALLOWED[code]! & kind) !== 0
}

/** Whether a character is HTTP's optional whitespace, a space or a tab; `trim` takes more for whitespace. */
export function isOws(code: number): boolean {
  return code === SPACE || code === TAB
}
