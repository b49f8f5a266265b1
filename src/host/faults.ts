import { processState } from './process-state.ts'

/** Counts a failure of ours where no tracing is at hand, with the one that is meant then. Never throws. */
export function failed(where: string, error: unknown): void {
  processState.tracing?.failed(where, error)
}
