import { describe } from '../../host/log.ts'
import { startTimer, stopTimer } from '../../host/timers.ts'
import type { Outcome, SendError, Sender, SpanRecord } from '../senders/sender.ts'

/**
 * What became of a record. `in doubt`: it may or may not be stored. `unanswered`: it may or may not be stored, and will
 * be sent again.
 */
export type Fate = Outcome | 'in doubt' | 'unanswered'

/** The end of a call: the fate of each record, in order, and what the sender said of a failure. */
export interface CallEnd {
  readonly fates: readonly Fate[]
  readonly reason: string | undefined
}

/**
 * Makes one call of the sender. Never rejects, and always ends, whatever the sender does. After `timeoutMs` it ends
 * without an answer: then its records are `unanswered` with `atLeastOnce`, else in doubt. When the answer cannot be
 * understood they are in doubt.
 */
export function sendCall(
  sender: Sender,
  records: readonly SpanRecord[],
  timeoutMs: number,
  atLeastOnce: boolean,
): Promise<CallEnd> {
  const count = records.length
  const noAnswer: Fate = atLeastOnce ? 'unanswered' : 'in doubt'
  return new Promise((resolve) => {
    const timer = startTimer(() => {
      resolve(all(count, noAnswer, `no answer from the sender within ${timeoutMs} ms`))
    }, timeoutMs).unref()
    const end = (callEnd: CallEnd): void => {
      stopTimer(timer)
      resolve(callEnd)
    }
    try {
      Promise.resolve(sender.send(records))
        .then(
          (outcomes) => end(read(outcomes, count)),
          (error: unknown) => end(failure(error, count, noAnswer)),
        )
        // The timer ends what could not be read.
        .catch(() => {})
    } catch (error) {
      end(failure(error, count, noAnswer))
    }
  })
}

function read(outcomes: unknown, count: number): CallEnd {
  if (outcomes === undefined) return all(count, 'sent', undefined)
  try {
    if (Array.isArray(outcomes) && outcomes.length === count) {
      const fates = Array.from(outcomes, fate)
      return { fates, reason: fates.includes('in doubt') ? 'the sender gave an unknown outcome' : undefined }
    }
  } catch {
    // An answer that cannot be read is no answer.
  }
  return all(count, 'in doubt', 'the sender did not give one outcome for each record')
}

function fate(outcome: unknown): Fate {
  switch (outcome) {
    case 'sent':
    case 'failed':
    case 'throttled':
    case 'hot':
    case 'rejected':
      return outcome
    default:
      return 'in doubt'
  }
}

function failure(error: unknown, count: number, noAnswer: Fate): CallEnd {
  let outcome: Fate = 'failed'
  try {
    // By name: a sender may come from another copy of this package, and its class is another one.
    if ((error as SendError).name === 'SendError') outcome = fate((error as SendError).outcome)
    if (outcome === 'in doubt') outcome = noAnswer
  } catch {
    // A hostile error is a failure like any other.
  }
  return all(count, outcome, describe(error))
}

function all(count: number, outcome: Fate, reason: string | undefined): CallEnd {
  return { fates: Array.from({ length: count }, () => outcome), reason }
}
