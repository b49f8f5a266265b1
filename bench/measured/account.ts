import type { PublisherStats } from 'tdist'
import { ownTracing } from './own-tracing.ts'

/** What the publisher says of itself, and the sum that must be nought. */
export interface Account extends PublisherStats {
  /** Spans offered that are in no other column. */
  readonly unaccounted: number
}

/** The account of tdist's publisher in this process. */
export async function account(): Promise<Account | undefined> {
  const stats = (await ownTracing())?.publisher.stats()
  if (stats === undefined) return undefined
  const { offered, sent, inDoubt, dropped, queued, inFlight } = stats
  const lost = Object.values(dropped).reduce((sum, spans) => sum + spans, inDoubt)
  return { ...stats, unaccounted: offered - sent - lost - queued - inFlight }
}
