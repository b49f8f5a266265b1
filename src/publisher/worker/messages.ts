import type { CallMessage } from '../channels.ts'
import type { LossReason } from '../metrics.ts'
import type { Settings } from '../publisher-options.ts'
import type { SenderRecipe } from '../senders/sender.ts'

/* What the main thread and the worker say to each other, beside what stands in the memory that they share. */

/** What the worker begins with: the memory, how to make the sender, and the settings. */
export interface SharedStart {
  readonly buffer: SharedArrayBuffer
  readonly blocks: number
  readonly recipe: SenderRecipe
  readonly settings: Omit<Settings, 'outside'>
}

/** What the main thread asks: to look at new records, to send all within so many milliseconds, or to end. */
export type Order =
  | { readonly order: 'look' }
  | { readonly order: 'flush' | 'close'; readonly deadlineMs: number }

/** What the main thread is told beside what stands in the shared memory. */
export type Report =
  | { readonly report: 'settled' }
  | { readonly report: 'call'; readonly call: CallMessage }
  | { readonly report: 'trouble'; readonly cause: string }
  | { readonly report: 'well' }
  | { readonly report: 'cause'; readonly reason: LossReason; readonly cause: string }
