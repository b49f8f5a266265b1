import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves after a while, or as soon as the signal aborts. Never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}

/** Resolves when the work is done, or as soon as the signal aborts. Rejects when the work does so first. */
export async function settledOrAborted(work: void | Promise<void>, signal: AbortSignal): Promise<void> {
  if (!work) return
  await new Promise<void>((resolve, reject) => {
    const done = (): void => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
    work.then(done, (error: unknown) => {
      signal.removeEventListener('abort', done)
      reject(error as Error)
    })
  })
}

/** How long to wait after so many failures in a row, in milliseconds: doubling up to 5 s, with full jitter. */
export function backoff(failures: number): number {
  return Math.random() * Math.min(5000, 200 * 2 ** Math.min(failures, 6))
}
