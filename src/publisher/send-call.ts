import { describe } from '../log.ts'
import { SendError, type Outcome, type Sender, type SpanRecord } from './sender.ts'

/** What became of a record. `in doubt`: it may or may not be stored. */
export type Fate = Outcome | 'in doubt'

/** The end of a call: the fate of each record, in order, and what the sender said of a failure. */
export interface CallEnd {
  readonly fates: readonly Fate[]
  readonly reason: string | undefined
}

/**
 * One call of the sender. Never rejects and always ends, whatever the sender does: after `timeoutMs` its
 * records are in doubt, and so they are when it answers what cannot be understood.
 */
export function sendCall(
  sender: Sender,
  records: readonly SpanRecord[],
  timeoutMs: number,
): Promise<CallEnd> {
  const count = records.length
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(all(count, 'in doubt', `no answer from the sender within ${timeoutMs} ms`))
    }, timeoutMs).unref()
    const end = (callEnd: CallEnd): void => {
      clearTimeout(timer)
      resolve(callEnd)
    }
    try {
      Promise.resolve(sender.send(records))
        .then(
          (outcomes) => end(read(outcomes, count)),
          (error: unknown) => end(failure(error, count)),
        )
        // The timer ends what could not be read.
        .catch(() => {})
    } catch (error) {
      end(failure(error, count))
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
    case 'rejected':
      return outcome
    default:
      return 'in doubt'
  }
}

function failure(error: unknown, count: number): CallEnd {
  let outcome: Fate = 'failed'
  try {
    if (error instanceof SendError) outcome = fate(error.outcome)
  } catch {
    // A hostile error is a failure like any other.
  }
  return all(count, outcome, describe(error))
}

function all(count: number, outcome: Fate, reason: string | undefined): CallEnd {
  return { fates: Array.from({ length: count }, () => outcome), reason }
}
