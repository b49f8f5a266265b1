import widthOf from 'string-width'
import { type TraceTree, traceNodes } from '../traces/trace-tree.ts'
import { barOf, type Range, rangeOf } from './bar.ts'
import { counted } from './counted.ts'
import { type Fold, folds } from './fold.ts'
import { isFailed, label, type Label, problems } from './label.ts'
import { durationText, fit, pad, paint, plainText, type Terminal } from './terminal.ts'

/** More lines than this are counted, not printed. */
const MAX_LINES = 200
const MAX_COLUMNS = 110
const MIN_COLUMNS = 60
const TIME_COLUMNS = 10

interface Row {
  readonly guide: string
  readonly label: Label
  readonly took: string
  readonly server: string
  readonly bar: string
  readonly failed: boolean
  readonly below: readonly string[]
}

/**
 * One trace as lines of text, each ended by a newline: what called what, how long it took, and what went wrong. A
 * note is added to its first line.
 */
export function terminalTree(tree: TraceTree, terminal: Terminal, note = ''): string {
  const columns = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, terminal.columns))
  const barColumns = columns < 80 ? 0 : columns < 100 ? 18 : 26
  const range = rangeOf(tree.root)
  const rows: Row[] = []
  let shown = 0
  for (const fold of folds(tree.root)) {
    if (rows.length === MAX_LINES) break
    rows.push(rowOf(fold, range, { columns, barColumns }, terminal))
    for (const { span, server } of fold.nodes) shown += Number(!!span) + Number(!!server)
  }

  const hasServers = rows.some(({ server }) => server)
  const fixed = TIME_COLUMNS + (hasServers ? TIME_COLUMNS : 0) + (barColumns ? barColumns + 2 : 0)
  const widest = Math.max(...rows.map((row) => widthOf(row.guide + row.label.text + row.label.end)))
  const labelColumns = Math.min(widest, columns - fixed)

  const lines = [headLine(tree, range, terminal, note)]
  lines.push(headings(range, labelColumns, hasServers, barColumns, terminal))
  for (const row of rows) {
    lines.push(rowLine(row, labelColumns, hasServers, terminal))
    for (const text of row.below) lines.push(belowLine(row, text, columns, terminal))
  }
  const left = tree.spans - shown
  if (left > 0) lines.push(paint(terminal, 'dim', `   and ${left.toLocaleString('en')} more spans`))
  const missing = new Set([...tree.missingParents, ...tree.missingClients])
  if (missing.size > 0) {
    const ids =
      [...missing].slice(0, 3).join(', ') + (missing.size > 3 ? ` and ${missing.size - 3} more` : '')
    lines.push(paint(terminal, 'yellow', plainText(terminal, `not seen: ${ids}`)))
  }
  return lines.join('\n') + '\n'
}

function headings(
  range: Range,
  labelColumns: number,
  hasServers: boolean,
  barColumns: number,
  terminal: Terminal,
): string {
  const server = hasServers ? 'server'.padStart(TIME_COLUMNS) : ''
  const end = range.end > range.start ? durationText(range.end - range.start, terminal) : ''
  const scale = barColumns && end ? `  0${end.padStart(barColumns - 1)}` : ''
  return paint(terminal, 'dim', ' '.repeat(labelColumns) + 'took'.padStart(TIME_COLUMNS) + server + scale)
}

function headLine(tree: TraceTree, range: Range, terminal: Terminal, note: string): string {
  const services = new Set<string>()
  let errors = 0
  for (const node of traceNodes(tree.root)) {
    for (const half of [node.span, node.server]) {
      if (half?.localEndpoint?.serviceName) services.add(half.localEndpoint.serviceName)
    }
    if (isFailed(node)) errors++
  }
  const facts = [
    range.end > range.start ? durationText(range.end - range.start, terminal) : '',
    counted(services.size, 'service'),
    counted(tree.spans, 'span'),
  ].filter(Boolean)
  const dot = terminal.unicode ? ' · ' : ' | '
  const missing = missingText(tree)
  const id = plainText(terminal, tree.traceId)
  const parts = [paint(terminal, 'bold', `trace ${id}`), facts.join(dot)]
  if (errors > 0) parts.push(paint(terminal, 'red', counted(errors, 'error')))
  if (missing) parts.push(paint(terminal, 'yellow', missing))
  if (note) parts.push(paint(terminal, 'yellow', note))
  return parts.join(dot)
}

function missingText({ root, missingParents, missingClients, whole }: TraceTree): string {
  if (whole) return ''
  const missing: string[] = []
  if (!root.span) missing.push('root')
  if (missingParents.length > 0) missing.push(counted(missingParents.length, 'parent'))
  if (missingClients.length > 0) missing.push(counted(missingClients.length, 'caller'))
  return missing.length > 0 ? `not seen: ${missing.join(', ')}` : 'more than one root'
}

function rowOf(
  fold: Fold,
  range: Range,
  { columns, barColumns }: { columns: number; barColumns: number },
  terminal: Terminal,
): Row {
  return {
    guide: guideOf(fold.more, Math.floor(columns / 9), terminal),
    label: label(fold, terminal, barColumns > 18),
    took: mean(
      fold.nodes.map(({ span }) => span?.duration),
      terminal,
    ),
    server: mean(
      fold.nodes.map(({ server }) => server?.duration),
      terminal,
    ),
    bar: barColumns ? barOf(fold, range, barColumns, terminal) : '',
    failed: fold.nodes.some(isFailed),
    below: problems(fold, terminal),
  }
}

function rowLine(row: Row, labelColumns: number, hasServers: boolean, terminal: Terminal): string {
  const { guide, label: said } = row
  const room = labelColumns - widthOf(guide)
  const text = fit(terminal, said.text, Math.max(Math.min(16, room), room - widthOf(said.end)))
  const end = fit(terminal, said.end, room - widthOf(text))
  const service = text.startsWith(said.service) ? said.service : ''
  const painted =
    paint(terminal, 'dim', guide) +
    paint(terminal, 'cyan', service) +
    (row.failed ? paint(terminal, 'red', text.slice(service.length)) : text.slice(service.length)) +
    paint(terminal, said.isNPlusOne ? 'yellow' : row.failed ? 'red' : 'dim', end)
  const filler = ' '.repeat(Math.max(0, labelColumns - widthOf(guide + text + end)))
  const server = hasServers ? paint(terminal, 'dim', row.server.padStart(TIME_COLUMNS)) : ''
  const bar = row.bar && '  ' + paint(terminal, row.failed ? 'red' : 'green', row.bar)
  return (painted + filler + row.took.padStart(TIME_COLUMNS) + server + bar).trimEnd()
}

function belowLine(row: Row, text: string, columns: number, terminal: Terminal): string {
  const guide = pad(belowGuide(row.guide, terminal), widthOf(row.guide) + 2)
  return paint(terminal, 'dim', guide) + paint(terminal, 'red', fit(terminal, text, columns - widthOf(guide)))
}

/** The lines that lead to an operation. What is deeper than is shown has its depth instead. */
function guideOf(more: readonly boolean[], deepest: number, { unicode }: Terminal): string {
  if (more.length === 0) return ''
  const branch = more.at(-1) ? (unicode ? '├─ ' : '|- ') : unicode ? '└─ ' : '`- '
  if (more.length > deepest) return `${unicode ? '⋯' : '...'} ${more.length} deep ${branch}`
  const above = more.slice(0, -1).map((goesOn) => (goesOn ? (unicode ? '│  ' : '|  ') : '   '))
  return above.join('') + branch
}

function belowGuide(guide: string, { unicode }: Terminal): string {
  if (guide.includes('deep')) return ''
  const last = guide.slice(-3)
  const goesOn = last.startsWith('├') || last.startsWith('|')
  return guide.slice(0, -3) + (goesOn ? (unicode ? '│' : '|') : '')
}

function mean(durations: (number | undefined)[], terminal: Terminal): string {
  const known = durations.filter((duration) => duration !== undefined)
  if (known.length === 0) return ''
  const text = durationText(known.reduce((sum, duration) => sum + duration, 0) / known.length, terminal)
  return durations.length > 1 ? `~${text}` : text
}
