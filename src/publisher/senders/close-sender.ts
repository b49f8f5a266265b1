import { describe, warn } from '../../host/log.ts'
import { startTimer, stopTimer } from '../../host/timers.ts'
import type { Sender } from './sender.ts'

/**
 * Closes a sender. Resolves when it is closed, or after `deadlineMs`. Never rejects: a sender that fails to close is
 * said on standard error.
 */
export function closeSender(sender: Sender, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = startTimer(resolve, deadlineMs)
    const close = async (): Promise<void> => sender.close?.()
    close()
      .catch((error: unknown) => warn('publisher sender', `the sender did not close: ${describe(error)}`))
      .finally(() => {
        stopTimer(timer)
        resolve()
      })
  })
}
