import { channel } from 'node:diagnostics_channel'

/** The message of the diagnostics channel `tdist:publisher:call`: a call of the sender has ended. */
export interface CallMessage {
  readonly records: number
  readonly spans: number
  readonly bytes: number
  readonly durationMs: number
  /** How many spans the collector took. */
  readonly sent: number
  /** How many spans will be sent again. */
  readonly again: number
  /** What the sender said of a failure; undefined when there was none. */
  readonly reason: string | undefined
}

/** The message of the diagnostics channel `tdist:publisher:drop`: spans were dropped, or may be lost (`inDoubt`). */
export interface DropMessage {
  /** A `DropReason`, or `inDoubt`. */
  readonly reason: string
  readonly spans: number
  /** Why, where more is known than the reason says. */
  readonly cause: string | undefined
}

const calls = channel('tdist:publisher:call')
const drops = channel('tdist:publisher:drop')
let publishing = false

/** Whether anybody listens to `tdist:publisher:call`. When nobody does, no message need be made. */
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
