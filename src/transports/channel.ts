import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { failed } from '../faults.ts'
import type { Uninstall } from './patch.ts'

/** Listens to a diagnostics channel. What `listener` throws is counted at `where`: thrown on, it would end the process. */
export function listenTo<Message>(
  channel: string,
  where: string,
  listener: (message: Message) => void,
): Uninstall {
  const guarded = (message: unknown): void => {
    try {
      listener(message as Message)
    } catch (error) {
      failed(where, error)
    }
  }
  subscribe(channel, guarded)
  return () => unsubscribe(channel, guarded)
}
