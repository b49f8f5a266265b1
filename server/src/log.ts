import { types } from 'node:util'

/** Writes a line to standard error, at most one a minute for each `topic`. The next one says how many were held back. */
export function warn(topic: string, message: string): void {
  const now = performance.now()
  const seen = lines.get(topic)
  if (seen && now - seen.at < 60_000) {
    seen.heldBack++
    return
  }
  const more = seen?.heldBack ? ` (${seen.heldBack} more like this since)` : ''
  lines.set(topic, { at: now, heldBack: 0 })
  say(`${message}${more}`)
}

/** Writes a line to standard error at once. */
export function say(line: string): void {
  process.stderr.write(`tdist-server: ${printable(line)}\n`)
}

/** What an error says of itself, in one line of 500 characters at most. Never throws, whatever was thrown. */
export function describe(error: unknown): string {
  try {
    const text = types.isNativeError(error) ? error.message || error.name : String(error)
    return text.replace(/\s*\n\s*/g, ' ').slice(0, 500)
  } catch {
    return 'an error that cannot be read'
  }
}

/**
 * Makes one line of a text, without anything that a terminal would obey: messages repeat what strangers have sent. A
 * control or format character becomes a space.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

const lines = new Map<string, { at: number; heldBack: number }>()
