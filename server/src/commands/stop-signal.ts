/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. `release` gives the signals back. */
export function stopOnSignal(): { stop: AbortController; release: () => void } {
  const stop = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143)
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const release = (): void => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
  return { stop, release }
}
