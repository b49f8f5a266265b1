import type { Encoding } from '../../codec/encoder.ts'

/** One encoded list of spans: it becomes a Kinesis record, a Kafka message or the body of a POST. */
export interface SpanRecord {
  readonly bytes: Uint8Array
  /** How many spans the list holds. */
  readonly spans: number
  /** With `partition: 'trace'`: records of the same key belong in the same place. */
  readonly key?: string | undefined
}

/**
 * What became of a record: `sent`, or `rejected` (never will be taken), or worth another try: `failed`, `throttled`
 * (too much at once: slow down) and `hot` (too much for the part of the stream it fell to, but others take more: no
 * need to slow down).
 */
export type Outcome = 'sent' | 'failed' | 'throttled' | 'hot' | 'rejected'

/** How a sender is made again in another thread, where it cannot go itself: of what kind it is, and by what options. */
export interface SenderRecipe {
  readonly kind: string
  readonly options: object
}

/** Carries encoded spans to where they are collected. */
export interface Sender {
  readonly encoding: Encoding
  /** The most bytes of one record. */
  readonly maxRecordBytes: number
  /** The most records in one call. */
  readonly maxRecords: number
  /** The most bytes in one call, all its records together. */
  readonly maxCallBytes: number
  /**
   * Whether a record goes again when no answer came, and so may be stored twice. Default false: its spans are then
   * counted as in doubt.
   */
  readonly atLeastOnce?: boolean | undefined
  /** How the sender is made again in a worker thread; undefined when it cannot be. */
  readonly recipe?: SenderRecipe | undefined
  /**
   * Sends records; resolves to what became of each, in their order, or to nothing when all were sent. A rejection
   * means that none is known to be sent: a `SendError` says whether to try again, any other error means it is.
   */
  send(records: readonly SpanRecord[]): Promise<readonly Outcome[] | void>
  /** Frees connections. Nothing is sent after it. */
  close?(): Promise<void> | void
}

/** Says that a whole call of a sender failed. A sender's `send` may reject with it. */
export class SendError extends Error {
  override readonly name = 'SendError'
  /**
   * `failed`: nothing was stored, try again. `rejected`: nothing was stored, and never will be. `in doubt`: the
   * answer did not come, so it may or may not be stored.
   */
  readonly outcome: 'failed' | 'rejected' | 'in doubt'

  constructor(
    message: string,
    outcome: 'failed' | 'rejected' | 'in doubt',
    options?: { readonly cause?: unknown },
  ) {
    super(message, options)
    this.outcome = outcome
  }
}
