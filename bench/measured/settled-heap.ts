import { setTimeout as sleep } from 'node:timers/promises'

let gc: (() => void) | undefined

/**
 * The bytes that this process can still reach, on V8's heap and beside it in buffers. Collects first, and again after
 * what waits for a collection has run: finalizers, and handles that close.
 */
export async function settledHeap(): Promise<number> {
  gc ??= exposedGc()
  for (let i = 0; i < 4; i++) {
    gc()
    await sleep(50)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function exposedGc(): () => void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc')
  return process.getBuiltinModule('node:vm').runInNewContext('gc') as () => void
}
