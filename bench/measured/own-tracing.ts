import { AsyncLocalStorage } from 'node:async_hooks'
import type { Tracing } from 'tdist'

/** The tracing of this process. Imports tdist only where it is loaded already: an untraced process has none. */
export async function ownTracing(): Promise<Tracing | undefined> {
  if (!(Symbol.for('tdist') in AsyncLocalStorage)) return undefined
  const { currentTracing } = await import('tdist')
  return currentTracing()
}
