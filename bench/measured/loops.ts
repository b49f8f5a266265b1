import { answer } from '../answer.ts'

/** A loop round one operation. */
export interface Loop {
  /** Does the operation `times` times. */
  run(times: number): void
  /** Waits until everything that the operations queued is done with, and throws if any of it was lost. */
  settle?(times: number): Promise<void> | void
}

// So few at a time that no queue is ever full.
const CHUNK = 1000

/** Serves loops by their names; each question is answered with CPU microseconds per operation. */
export function answerLoops(loops: Readonly<Record<string, Loop>>): void {
  answer({
    async loop({ name, operations }: { name: string; operations: number }) {
      const loop = loops[name]!
      const before = process.cpuUsage()
      for (let done = 0; done < operations; done += CHUNK) {
        loop.run(CHUNK)
        await loop.settle?.(CHUNK)
      }
      const { user, system } = process.cpuUsage(before)
      return (user + system) / operations
    },
  })
}
