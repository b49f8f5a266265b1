import type { Measured } from './row.ts'

const HEADINGS = ['what', 'node', 'median', 'min – max', 'unit', 'goal', 'met', 'against']

/** The rows as columns of text; a goal missed says `NO`. */
export function table(measured: readonly Measured[]): string {
  const cells = [HEADINGS, ...measured.map(cellsOf)]
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const lines = cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '))
  return lines.join('\n')
}

function cellsOf({ row, figure }: Measured): string[] {
  return [
    row.name,
    row.node,
    row.value === null ? '–' : shown(row.value),
    figure && figure.min !== figure.max ? `${shown(figure.min)} – ${shown(figure.max)}` : '',
    row.unit,
    row.goal ?? '',
    row.met === null ? '' : row.met ? 'yes' : 'NO',
    row.against,
  ]
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)))
}
