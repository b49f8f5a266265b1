import { channel } from 'node:diagnostics_channel'

/** What `tdist:publisher:call` says: a call of the sender has ended. */
export interface CallMessage {
  readonly records: number
  readonly spans: number
  readonly bytes: number
  readonly durationMs: number
  /** Spans taken by the collector. */
  readonly sent: number
  /** Spans that will be sent again. */
  readonly again: number
  /** What the sender said of a failure. */
  readonly reason: string | undefined
}

/** What `tdist:publisher:drop` says: spans were dropped, or may be lost (`inDoubt`). */
export interface DropMessage {
  /** A `DropReason`, or `inDoubt`. */
  readonly reason: string
  readonly spans: number
  readonly cause: string | undefined
}

const calls = channel('tdist:publisher:call')
const drops = channel('tdist:publisher:drop')
let publishing = false

/** Whether anybody listens to calls: what they are told need not be put together otherwise. */
export function callsAreHeard(): boolean {
  return calls.hasSubscribers
}

export function publishCall(message: CallMessage): void {
  calls.publish(message)
}

export function publishDrop(reason: string, spans: number, cause: string | undefined): void {
  // A subscriber whose own spans are dropped would be told of them for ever.
  if (!drops.hasSubscribers || publishing) return
  publishing = true
  drops.publish({ reason, spans, cause } satisfies DropMessage)
  publishing = false
}
