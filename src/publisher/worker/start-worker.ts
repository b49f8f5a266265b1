import type { Worker } from 'node:worker_threads'
import { describe } from '../../host/log.ts'
import type { Report, SharedStart } from './messages.ts'
import { WORKER_FILE } from './recipe-for.ts'

/**
 * Starts the worker thread, which does not keep the process alive. `hear` gets its reports, and `ended` is called when
 * it has ended, with the cause. Throws where Node can start no thread.
 */
export function startWorker(
  start: SharedStart,
  hear: (report: Report) => void,
  ended: (cause: string) => void,
): Worker {
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  // Neither the service's preloads nor ours run there.
  const { NODE_OPTIONS: _, ...env } = process.env
  const worker = new Worker(WORKER_FILE, {
    workerData: start,
    execArgv: [],
    env,
    name: 'tdist',
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 },
  })
  let cause: string | undefined
  worker.on('message', hear)
  worker.on('error', (error) => (cause = describe(error)))
  worker.on('exit', (code) => ended(cause ?? `exit code ${code}`))
  // Last, because a listener for messages makes the process wait for them.
  worker.unref()
  return worker
}
