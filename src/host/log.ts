import { types } from 'node:util'
import { monotonicMs } from './clock.ts'
import { onImmediate } from './timers.ts'

/** Writes a line to standard error, once a minute at most for each `topic`. The next line counts those held back. */
export function warn(topic: string, message: string): void {
  const now = monotonicMs()
  const seen = lines.get(topic)
  if (seen && now - seen.at < 60_000) {
    seen.heldBack++
    return
  }
  const more = seen?.heldBack ? ` (${seen.heldBack} more like this since)` : ''
  lines.set(topic, { at: now, heldBack: 0 })
  write(`tdist: ${printable(message)}${more}\n`)
}

/** Writes a line to standard error when `TDIST_DEBUG` is set to anything but `0` or `false`. */
export function debug(message: string): void {
  if (debugging) write(`tdist: ${printable(message)}\n`)
}

/** The message of an error in one line, or the text of anything else that was thrown. Never throws. */
export function describe(error: unknown): string {
  try {
    // Node's errors are no instances of another realm's class.
    if (error instanceof Error || types.isNativeError(error)) return oneLine(error.message || error.name)
    return oneLine(String(error))
  } catch {
    return 'an error that cannot be read'
  }
}

/**
 * The text on one line, with nothing in it that a terminal would obey: messages repeat what strangers have sent.
 * Control and format characters become spaces.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

const lines = new Map<string, { at: number; heldBack: number }>()
const debugging = !['', '0', 'false'].includes(process.env['TDIST_DEBUG'] ?? '')

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').slice(0, 500)
}

let unwritten = 0
const ignore = (): void => {}

/*
 * A closed standard error is the service's own affair: were nobody to listen to its error, the process would end by a
 * line that is not the service's.
 */
function write(line: string): void {
  try {
    const { stderr } = process
    if (unwritten++ === 0) stderr.on('error', ignore)
    // The error comes after the callback.
    stderr.write(line, () => onImmediate(written, stderr).unref())
  } catch {
    // Then there is nobody to tell.
  }
}

function written(stderr: NodeJS.WriteStream): void {
  if (--unwritten === 0) stderr.off('error', ignore)
}
