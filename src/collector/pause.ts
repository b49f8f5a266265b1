/** Resolves after a while, or as soon as the signal aborts. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** How long to wait after so many failures in a row, in milliseconds: doubling up to 5 s, with full jitter. */
export function backoff(failures: number): number {
  return Math.random() * Math.min(5000, 200 * 2 ** Math.min(failures, 6))
}
