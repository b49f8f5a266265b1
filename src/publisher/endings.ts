export function flushAtExit(_flush: (deadlineMs: number) => Promise<void>): () => void {
  return () => {}
}
