import { styleText } from 'node:util'
import widthOf from 'string-width'
import { printable } from '../log.ts'

/** What a terminal can show. */
export interface Terminal {
  /** Characters in a line. */
  readonly columns: number
  /** Whether anything but ASCII is shown. */
  readonly unicode: boolean
  readonly colour: boolean
}

/**
 * What can be shown where a stream goes: colour on a TTY unless `NO_COLOR` is set, Unicode where the locale has
 * UTF-8, 110 columns where no width is known.
 */
export function terminalOf(
  stream: { isTTY?: boolean; columns?: number },
  env: Record<string, string | undefined> = process.env,
): Terminal {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return {
    columns: stream.columns || 110,
    unicode: /utf-?8/i.test(locale) || env['WT_SESSION'] !== undefined,
    colour: stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  }
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** The text in a style, where the terminal has colours. */
export function paint(terminal: Terminal, style: Style, text: string): string {
  // Whether there are colours is known already; Node would ask its own standard output.
  return terminal.colour && text ? styleText(style, text, { validateStream: false }) : text
}

/** More characters than any line shows. What comes after them is not looked at. */
const MAX_TEXT = 1000

/**
 * Text from a span as it may be shown: on one line and with nothing in it that a terminal would obey, for it comes
 * from whoever can reach a traced service.
 */
export function plainText(terminal: Terminal, text: string): string {
  const safe = printable(text.slice(0, MAX_TEXT))
  return terminal.unicode ? safe : safe.replace(/[^\x20-\x7e]/gu, '?')
}

/** What is shown as one character: a letter with its accents is not cut in two. */
const graphemes = new Intl.Segmenter()

/** Cuts a text to a width in columns, and puts an ellipsis where it was cut. */
export function fit(terminal: Terminal, text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 4) return ''
  const ellipsis = terminal.unicode ? '…' : '...'
  let cut = ''
  let used = ellipsis.length
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment)
    if (used > width) break
    cut += segment
  }
  return cut + ellipsis
}

/** Fills a text with spaces up to a width in columns. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/** A duration in microseconds with three digits and the unit that suits it. */
export function durationText(micros: number, terminal: Terminal): string {
  if (micros < 999.5) return `${Math.round(micros)} ${terminal.unicode ? 'µs' : 'us'}`
  if (micros < 999_500) return `${threeDigits(micros / 1e3)} ms`
  if (micros < 59_995_000) return `${threeDigits(micros / 1e6)} s`
  const seconds = Math.round(micros / 1e6)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${String(seconds % 60).padStart(2, '0')} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} m`
}

function threeDigits(n: number): string {
  return n < 9.995 ? n.toFixed(2) : n < 99.95 ? n.toFixed(1) : n.toFixed(0)
}
