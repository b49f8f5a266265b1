import type { PublisherStats, Tracing } from 'tdist'

/** What the publisher says of itself, and the sum that must be nought. */
export interface Account extends PublisherStats {
  /** Spans offered that are in no other column. */
  readonly unaccounted: number
}

const ours = globalThis as { [key: symbol]: { tracing?: Tracing } | undefined }

/** The account of tdist's publisher in this process. Imports none: an untraced process has none. */
export function account(): Account | undefined {
  const stats = ours[Symbol.for('tdist')]?.tracing?.publisher.stats()
  if (stats === undefined) return undefined
  const { offered, sent, inDoubt, dropped, queued, inFlight } = stats
  const lost = Object.values(dropped).reduce((sum, spans) => sum + spans, inDoubt)
  return { ...stats, unaccounted: offered - sent - lost - queued - inFlight }
}
