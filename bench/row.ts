import type { Figure } from './figure.ts'

/** What a figure is held to: at most, or at least, so much. */
export interface Goal {
  readonly sign: '≤' | '≥'
  readonly limit: number
}

/** One line of the report, known before anything is measured, so that no row can go missing. */
export interface RowSpec {
  readonly name: string
  readonly unit: string
  /** Undefined for a row that is only there to be read beside another. */
  readonly goal?: Goal
  /** What the figure was measured against. */
  readonly against: string
}

/** A row as `--json` writes it; `value` and `met` are null where there is nothing to say. */
export interface Row {
  readonly name: string
  /** The version of Node that ran the measured process. */
  readonly node: string
  readonly value: number | null
  readonly unit: string
  readonly goal: string | null
  readonly met: boolean | null
  readonly against: string
}

/** A row with what the table shows besides. */
export interface Measured {
  readonly row: Row
  readonly figure: Figure | undefined
}

export function atMost(limit: number): Goal {
  return { sign: '≤', limit }
}

export function atLeast(limit: number): Goal {
  return { sign: '≥', limit }
}

/** Holds a figure to its row's goal. A figure that could not be had has not met any. */
export function judge(spec: RowSpec, node: string, figure: Figure | undefined, remark = ''): Measured {
  const { name, unit, goal } = spec
  const value = figure ? rounded(figure.value) : null
  return {
    figure,
    row: {
      name,
      node,
      value,
      unit,
      goal: goal ? `${goal.sign} ${rounded(goal.limit)}` : null,
      met: goal ? figure !== undefined && holds(figure.value, goal) : null,
      against: remark ? `${spec.against}; ${remark}` : spec.against,
    },
  }
}

function holds(value: number, goal: Goal): boolean {
  return goal.sign === '≤' ? value <= goal.limit : value >= goal.limit
}

/** Three significant digits are more than the noise allows. */
function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
