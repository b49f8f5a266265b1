import { warn } from '../host/log.ts'
import { publishDrop } from './channels.ts'
import type { HistogramStats } from './histogram.ts'

/**
 * Why a span was dropped. `full`: the publisher holds as much as it may. `oversize`: it does not fit into a
 * record. `encode`: it cannot be encoded. `expired`: not delivered in time. `rejected`: the collector will not
 * take it. `shutdown`: the publisher was closed.
 */
export type DropReason = 'full' | 'oversize' | 'encode' | 'expired' | 'rejected' | 'shutdown'

/**
 * The accounts of a publisher. At any instant, and after close,
 * `offered = sent + inDoubt + (all of dropped) + queued + inFlight`. They count spans, unless said otherwise. Alert on
 * `dropped` and `inDoubt`.
 */
export interface PublisherStats {
  /** Spans given to `report`. */
  readonly offered: number
  /** Spans that the collector took. */
  readonly sent: number
  /** Spans that were sent, got no answer and will not be sent again: the collector may have stored them or not. */
  readonly inDoubt: number
  /** Spans that were dropped, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Spans that wait, those to be sent again included. */
  readonly queued: number
  /** Spans in calls that have not ended. */
  readonly inFlight: number
  /** Bytes of memory held for the spans that wait or are in flight, never more than `maxBytes`. */
  readonly bytes: number
  /** Calls of the sender so far. */
  readonly calls: number
  /** Calls in which nothing was sent. */
  readonly failedCalls: number
  /** Records sent again, each time counted. */
  readonly retriedRecords: number
  /** Records refused because too much came at once, each time counted. */
  readonly throttledRecords: number
  /** How long ago the oldest span that waits or is in flight finished, in milliseconds; 0 when there is none. */
  readonly oldestMs: number
  /**
   * `open`: whole calls failed and the next one waits. `half-open`: one is out as a probe. `closed`: calls go out as
   * they come.
   */
  readonly breaker: BreakerState
  /** How many spans the records held. */
  readonly recordSpans: HistogramStats
  /** How many bytes the calls held. */
  readonly callBytes: HistogramStats
  /** How long calls took, in milliseconds. */
  readonly callMs: HistogramStats
  /** Spans sent again because no answer came, each time counted. At most so many are stored twice. */
  readonly possibleDuplicates: number
  /** How many bytes a second may go out just now; Infinity as long as nothing was too much for the collector. */
  readonly bytesPerSecond: number
  /** How often the worker thread ended. Its spans are kept, and it is started again. Always 0 without a worker. */
  readonly workerDeaths: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'

/** Where a span that is not sent is counted. */
export type LossReason = DropReason | 'inDoubt'

/** Is told by the publisher's parts of lost spans, and of calls that fail. */
export interface LossCounter {
  add(reason: LossReason, spans: number, cause?: string): void
  /** A call failed and will be tried again. `cause` says why it failed. */
  trouble(cause: string): void
  /** A call went through, the first one or the first one after trouble. */
  well(): void
}

/** Why the spans of a call that had not ended at the close are in doubt. */
export const CUT_OFF = 'the publisher was closed before the answer came'

/** How long after a line the next one may follow, in milliseconds. */
const SAY_EVERY_MS = 60_500
/**
 * How long the first line of a full publisher waits, in milliseconds, for the end of a call, which says why it is full.
 */
const CAUSE_MS = 3500
/** The losses that happen because calls do not go through. */
const CAUSED_BY_CALLS: readonly LossReason[] = ['full', 'expired', 'shutdown']

/** Counts losses, and says them on standard error: all in one line, once a minute at most. */
export class Losses implements LossCounter {
  readonly #counts: Record<LossReason, number> = {
    full: 0,
    oversize: 0,
    encode: 0,
    expired: 0,
    rejected: 0,
    shutdown: 0,
    inDoubt: 0,
  }
  readonly #said: Record<LossReason, number> = { ...this.#counts }
  readonly #causes: Partial<Record<LossReason, string>> = {}
  /** What the next line is to say beside the losses. */
  #news: string | undefined
  /** Why calls fail; null as long as they go through; undefined before the end of the first one. */
  #trouble: string | null | undefined
  /** The number of the line that is due; 0 when none is. A line that was put off gets a new number. */
  #due = 0
  #armed = 0
  readonly #what: Readonly<Record<LossReason, string>>
  readonly #later: (delayMs: number, run: () => void) => void

  /** `what` explains each reason; `later` runs something after a delay, outside any request. */
  constructor(what: Readonly<Record<LossReason, string>>, later: (delayMs: number, run: () => void) => void) {
    this.#what = what
    this.#later = later
  }

  get inDoubt(): number {
    return this.#counts.inDoubt
  }

  /** A copy of the counts of what was dropped. */
  dropped(): Record<DropReason, number> {
    const { inDoubt: _, ...dropped } = this.#counts
    return dropped
  }

  add(reason: LossReason, spans: number, cause?: string): void {
    this.#counts[reason] += spans
    if (cause !== undefined) this.#causes[reason] = cause
    publishDrop(reason, spans, cause)
    if (this.#due === 0) this.#arm(reason === 'full' && this.#trouble === undefined ? CAUSE_MS : 0)
  }

  trouble(cause: string): void {
    this.#heard(cause)
    this.#tell(`spans could not be sent and will be tried again: ${cause}`)
  }

  well(): void {
    this.#heard(null)
  }

  /** Something that is no loss, to be said with the losses. */
  note(message: string): void {
    this.#tell(message)
  }

  #tell(news: string): void {
    this.#news = news
    if (this.#due === 0) this.#arm(0)
  }

  #heard(trouble: string | null): void {
    const isFirst = this.#trouble === undefined
    this.#trouble = trouble
    // The first line may have waited for this.
    if (isFirst && this.#due !== 0) this.#arm(0)
  }

  /** Says at once what losses have not been said yet: the last line. */
  say(): void {
    const losses = this.#unsaid()
    if (losses.length > 0) warn('publisher close', losses.join('; '))
  }

  #arm(delayMs: number): void {
    const due = ++this.#armed
    this.#due = due
    this.#later(delayMs, () => {
      if (this.#due !== due) return
      this.#due = 0
      const line = this.#unsaid()
      const isSaid = this.#trouble && line.some((part) => part.endsWith(`: ${this.#trouble}`))
      if (this.#news !== undefined && !(isSaid && this.#news.endsWith(`: ${this.#trouble}`))) {
        line.unshift(this.#news)
      }
      this.#news = undefined
      if (line.length === 0) return
      warn('publisher', line.join('; '))
      this.#arm(SAY_EVERY_MS)
    })
  }

  /** What was lost since it was last said. */
  #unsaid(): string[] {
    const lines: string[] = []
    for (const [reason, what] of Object.entries(this.#what) as [LossReason, string][]) {
      const spans = this.#counts[reason] - this.#said[reason]
      if (spans === 0) continue
      this.#said[reason] = this.#counts[reason]
      const lost = reason === 'inDoubt' ? 'may be lost' : 'dropped'
      const cause = CAUSED_BY_CALLS.includes(reason) ? this.#causeByCalls(reason) : this.#causes[reason]
      lines.push(`${spans} ${spans === 1 ? 'span' : 'spans'} ${lost}: ${what}${cause ? `: ${cause}` : ''}`)
    }
    return lines
  }

  #causeByCalls(reason: LossReason): string | undefined {
    if (this.#trouble) return this.#trouble
    if (reason === 'shutdown') return undefined
    if (this.#trouble === undefined) return 'no call has ended yet'
    return 'spans come faster than the collector takes them'
  }
}
