import { monotonicMs } from '../host/clock.ts'
import type { Encoder } from '../codec/encoder.ts'
import type { SharedTags } from '../codec/shared-tags.ts'
import type { ZipkinSpan } from '../codec/zipkin-span.ts'
import { describe } from '../host/log.ts'
import { Background } from './background.ts'
import { Delivery } from './delivery/delivery.ts'
import { EarliestTimer } from './earliest-timer.ts'
import { Losses, type DropReason, type PublisherStats } from './metrics.ts'
import { OpenLists } from './open-lists.ts'
import {
  checkOptions,
  deadline,
  type PublisherOptions,
  type Settings,
  type Surroundings,
} from './publisher-options.ts'
import { cutShort, type RecordWriter } from './record-writer.ts'
import type { Publisher } from './publisher.ts'
import type { Ending } from '../host/flush-at-exit.ts'
import type { Reporter } from './reporter.ts'
import type { Sender } from './senders/sender.ts'
import { WorkerDelivery } from './worker/worker-delivery.ts'

/** Takes finished spans and has them sent. What users may know of it is {@link Publisher}. */
export class ServicePublisher implements Publisher, Reporter, Ending {
  readonly #set: Settings
  readonly #lists: OpenLists
  readonly #delivery: Delivery | WorkerDelivery
  readonly #losses: Losses
  readonly #background: Background
  readonly #timer: EarliestTimer

  #offered = 0
  #sealed = 0
  #openSpans = 0
  #encoding = false
  #closing: Promise<void> | undefined

  /** Throws when an option is wrong, or when the sender does not take what the encoder writes. */
  constructor(sender: Sender, encoder: Encoder, options: PublisherOptions & Surroundings = {}) {
    const set = checkOptions(sender, encoder, options)
    this.#set = set
    this.#background = new Background(set.outside)
    this.#timer = new EarliestTimer(this.#background, () => this.#wake())
    this.#losses = new Losses(
      {
        full: `the publisher holds all it may (${set.maxSpans} spans, ${set.maxBytes} bytes)`,
        oversize: `larger than a record (${set.recordBytes} bytes)`,
        encode: 'they could not be encoded',
        expired: `not delivered within ${set.maxAgeMs} ms`,
        rejected: 'rejected',
        shutdown: 'the publisher was closed before they could be sent',
        inDoubt: 'sent, and not known to be stored',
      },
      (delayMs, run) => void this.#background.later(delayMs, run),
    )
    const wakeIn = (delayMs: number): void => this.#timer.wakeIn(delayMs)
    this.#delivery = set.worker
      ? new WorkerDelivery(set.worker, set, this.#losses, wakeIn)
      : new Delivery(sender, set, this.#losses, wakeIn)
    this.#lists = new OpenLists(encoder, set, this.#delivery.spare)
  }

  /**
   * Takes a finished span, and the tags that it shares with others. It is encoded before this returns, and may be
   * changed or reused after.
   */
  report(span: ZipkinSpan, shared?: SharedTags): void {
    if (this.#closing !== undefined) return this.#refuse('shutdown')
    if (!this.#hasRoom() && !this.#makeRoom()) return this.#refuse('full')
    // A tag's getter or toString that reports a span would write into the list that is being written.
    if (this.#encoding) return this.#refuse('encode', 'reported while another was being encoded')
    this.#encoding = true
    let list: RecordWriter | undefined
    try {
      list = this.#lists.of(span)
      if (list.add(span, shared)) this.#openSpans++
      else this.#addToNext(list, span, shared)
    } catch (error) {
      this.#losses.add('encode', 1, describe(error))
    }
    this.#encoding = false
    this.#offered++
    if (list === undefined || list.spans === 0) return
    if (list.openSince === 0) this.#opened(list)
    if (list.spans >= this.#set.recordSpans) this.#seal(list)
  }

  flush(deadlineMs?: number): Promise<void> {
    return this.#flush(deadline(deadlineMs)).then(() => {})
  }

  /**
   * As `flush`, for a process that ends: where calls fail it is given up when nothing has gone through for 400 ms. To
   * whether all has gone.
   */
  flushAtEnd(deadlineMs: number): Promise<boolean> {
    return this.#flush(deadline(deadlineMs), () => this.#delivery.failing)
  }

  #flush(deadlineMs: number, isFailing?: () => boolean): Promise<boolean> {
    if (!this.#encoding) this.#sealAll()
    const { queue, flushes } = this.#delivery
    const { records } = queue
    if (records === 0) return Promise.resolve(true)
    const flushed = this.#background.run(() =>
      flushes.wait(this.#sealed, records, deadlineMs, isFailing && { isFailing }),
    )
    this.#background.run(() => this.#delivery.drain(true))
    return flushed ?? Promise.resolve(false)
  }

  close(deadlineMs?: number): Promise<void> {
    this.#closing ??= this.#close(deadline(deadlineMs))
    return this.#closing
  }

  /**
   * Sends what was reported, and waits for that without giving way to anything else: for a process that ends and has
   * no time left but this call's. Only a worker can; without one it does nothing. Returns after 2 s, or when nothing
   * has been sent for 500 ms (400 ms where calls fail).
   */
  flushNow(): void {
    if (!(this.#delivery instanceof WorkerDelivery)) return
    if (!this.#encoding) this.#sealAll()
    this.#delivery.flushNow()
  }

  stats(): PublisherStats {
    const delivery = this.#delivery
    delivery.refresh()
    return {
      offered: this.#offered,
      sent: delivery.sent,
      inDoubt: this.#losses.inDoubt,
      dropped: this.#losses.dropped(),
      queued: delivery.queue.waitingSpans + this.#openSpans,
      inFlight: delivery.queue.takenSpans,
      bytes: delivery.queue.bytes + this.#lists.bytes,
      calls: delivery.calls,
      failedCalls: delivery.failedCalls,
      retriedRecords: delivery.retriedRecords,
      throttledRecords: delivery.throttledRecords,
      oldestMs: this.#oldestMs(),
      breaker: delivery.breakerState,
      recordSpans: delivery.metrics.recordSpans.stats(),
      callBytes: delivery.metrics.callBytes.stats(),
      callMs: delivery.metrics.callMs.stats(),
      possibleDuplicates: delivery.possibleDuplicates,
      bytesPerSecond: delivery.bytesPerSecond,
      workerDeaths: delivery.workerDeaths,
    }
  }

  #oldestMs(): number {
    const { queue, metrics } = this.#delivery
    const since = Math.min(
      ...this.#lists.all.map((list) => list.openSince || Infinity),
      queue.peek()?.since ?? Infinity,
      metrics.oldestInFlight(),
    )
    return since === Infinity ? 0 : monotonicMs() - since
  }

  /** How many spans wait or are in flight. */
  unsent(): number {
    const delivery = this.#delivery
    delivery.refresh()
    return delivery.queue.waitingSpans + this.#openSpans + delivery.queue.takenSpans
  }

  /** Says what was lost and has not been said yet: the process ends. */
  sayLosses(): void {
    this.#losses.say()
  }

  #refuse(reason: DropReason, cause?: string): void {
    this.#offered++
    this.#losses.add(reason, 1, cause)
  }

  #hasRoom(): boolean {
    return this.#delivery.queue.hasRoom(this.#openSpans + 1, this.#set.reservedBytes)
  }

  #makeRoom(): boolean {
    if (this.#set.drop === 'newest') return false
    do {
      if (!this.#delivery.dropOldest()) return false
    } while (!this.#hasRoom())
    return true
  }

  #addToNext(list: RecordWriter, span: ZipkinSpan, shared: SharedTags | undefined): void {
    if (list.spans > 0) {
      this.#seal(list)
      if (!this.#hasRoom() && !this.#makeRoom()) return this.#losses.add('full', 1)
    }
    if (list.add(span, shared) || list.add(cutShort(span), shared)) this.#openSpans++
    else this.#losses.add('oversize', 1)
  }

  #opened(list: RecordWriter): void {
    list.openSince = monotonicMs()
    this.#timer.wakeIn(this.#set.lingerMs)
  }

  #seal(list: RecordWriter): void {
    const { spans, key, openSince: since } = list
    if (spans === 0) return
    list.openSince = 0
    this.#openSpans -= spans
    try {
      const bytes = list.seal()
      this.#delivery.push({
        bytes,
        spans,
        key,
        number: ++this.#sealed,
        since,
        wasSent: false,
        doubtful: false,
      })
    } catch (error) {
      this.#losses.add('encode', list.discard(), describe(error))
    }
  }

  #sealAll(): void {
    for (const list of this.#lists.all) this.#seal(list)
  }

  /** Is called when the earliest of these is due: the linger of a list, the drain after a seal, the breaker's wait. */
  #wake(): void {
    for (const list of this.#lists.all) {
      if (list.openSince === 0) continue
      const left = list.openSince + this.#set.lingerMs - monotonicMs()
      // Timers may come a fraction of a millisecond early.
      if (left < 1) this.#seal(list)
      else this.#timer.wakeIn(left)
    }
    this.#delivery.drain()
  }

  async #close(deadlineMs: number): Promise<void> {
    const until = monotonicMs() + deadlineMs
    await this.flush(deadlineMs)
    // A sender or a tag's getter may have reported while the flush began.
    this.#sealAll()
    this.#delivery.stop()
    this.#timer.stop()
    this.#losses.say()
    await this.#background.run(() => this.#delivery.closeSender(Math.max(100, until - monotonicMs())))
  }
}
