import { type TraceNode, traceNodes } from '../traces/trace-tree.ts'
import type { Fold } from './fold.ts'
import type { Terminal } from './terminal.ts'

/** From when to when a trace goes on, in epoch microseconds. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** The time that the root takes, or, without one, all spans. */
export function rangeOf(root: TraceNode): Range {
  let start = Infinity
  let end = -Infinity
  for (const node of root.span?.timestamp && root.span.duration ? [root] : traceNodes(root)) {
    const timestamp = node.span?.timestamp ?? node.server?.timestamp
    if (timestamp === undefined) continue
    start = Math.min(start, timestamp)
    end = Math.max(end, timestamp + (node.span?.duration ?? node.server?.duration ?? 0))
  }
  return { start, end }
}

/** When an operation ran within its trace. Where a call has both halves, the server's is the darker part. */
export function barOf({ nodes }: Fold, range: Range, columns: number, { unicode }: Terminal): string {
  const cells = Array.from({ length: columns }, () => ' ')
  const draw = (span: TraceNode['span'], mark: string): void => {
    if (span?.timestamp === undefined || !(range.end > range.start)) return
    const scale = columns / (range.end - range.start)
    const place = (at: number): number =>
      Math.min(columns - 1, Math.max(0, Math.floor((at - range.start) * scale)))
    const from = place(span.timestamp)
    const to = Math.max(from, place(span.timestamp + (span.duration ?? 0) - 1))
    cells.fill(mark, from, to + 1)
  }
  const [light, dark] = unicode ? ['░', '█'] : ['-', '#']
  for (const { span, server } of nodes) draw(span, server ? light! : dark!)
  for (const { server } of nodes) draw(server, dark!)
  return cells.join('')
}
