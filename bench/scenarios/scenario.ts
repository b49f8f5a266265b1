import type { Figure } from '../figure.ts'
import type { NodeBinary } from '../node-binary.ts'
import { judge, type Measured, type RowSpec } from '../row.ts'

/** How much is run for one figure. */
export interface Effort {
  /** How many times fresh processes are started. */
  readonly generations: number
  /** How many rounds each of them runs first, that count for nothing. */
  readonly warmUps: number
  /** How many rounds each of them then runs. */
  readonly rounds: number
  /** Requests in a round. */
  readonly requests: number
  /** Operations in a round, where the operation is a function and not a request. */
  readonly operations: number
  /** Processes started for a figure of start-up. */
  readonly starts: number
  /** Requests of the soak. */
  readonly soakRequests: number
  /** How long the collector is away, in seconds. */
  readonly outageSeconds: number
}

/** A row, and how its figure follows from what was measured. */
export interface Line<M> extends RowSpec {
  readonly figure: (measured: M) => Figure
}

/** Rows that are measured together. */
export interface Scenario {
  readonly name: string
  /** Every row, each time: where one could not be measured it says why, and its goal is not met. */
  run(node: NodeBinary, effort: Effort): Promise<Outcome>
}

export interface Outcome {
  readonly measured: readonly Measured[]
  /** What went wrong, if anything did. */
  readonly error?: unknown
}

/** Makes a scenario of its lines and of what measures them all; `measure` rejects when it can't. */
export function scenario<M>(
  name: string,
  lines: (node: NodeBinary, effort: Effort) => readonly Line<M>[],
  measure: (node: NodeBinary, effort: Effort) => Promise<M>,
): Scenario {
  return {
    name,
    async run(node, effort) {
      const specs = lines(node, effort)
      try {
        const measured = await measure(node, effort)
        return { measured: specs.map((line) => judge(line, node.version, line.figure(measured))) }
      } catch (error) {
        return { measured: specs.map((line) => judge(line, node.version, undefined, 'not measured')), error }
      }
    },
  }
}
