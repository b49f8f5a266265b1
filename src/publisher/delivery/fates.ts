import type { QueuedRecord } from './bounded-queue.ts'
import type { Fate } from './send-call.ts'

/** Whether the collector has answered for a record, if only to refuse it: it is there, and may take the next one. */
export function isAnswered(fate: Fate): boolean {
  return fate === 'sent' || fate === 'rejected' || fate === 'throttled' || fate === 'hot'
}

/** Whether a record is sent again. */
export function isTriedAgain(fate: Fate): boolean {
  return fate !== 'sent' && fate !== 'rejected' && fate !== 'in doubt'
}

/** How many bytes all records have, or those of one fate. */
export function bytesOf(records: readonly QueuedRecord[], fates?: readonly Fate[], fate?: Fate): number {
  let bytes = 0
  for (let i = 0; i < records.length; i++) {
    if (fates === undefined || fates[i] === fate) bytes += records[i]!.bytes.byteLength
  }
  return bytes
}
