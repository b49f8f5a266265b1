import { existsSync } from 'node:fs'
import { warn } from '../../host/log.ts'
import type { Sender, SenderRecipe } from '../senders/sender.ts'

/** Where this module is in a bundle of the service's, it may have no place. */
export const WORKER_FILE: URL | undefined = URL.canParse('./worker.js', import.meta.url)
  ? new URL('./worker.js', import.meta.url)
  : undefined

/** Why Node lets this process start no thread, if so. */
function forbidden(): string | undefined {
  const { permission } = process as { permission?: { has(scope: string): boolean } }
  if (!permission || permission.has('worker')) return undefined
  return "Node's permission model allows no worker; start with --allow-worker"
}

/**
 * How a worker makes the sender again. Where it cannot, that is said in one line, and the result is undefined: spans
 * are then sent from the service's own thread.
 */
export function recipeFor({ recipe }: Sender): SenderRecipe | undefined {
  let what =
    forbidden() ??
    'the sender cannot be made again in a worker: it is not one of tdist, or has a client of your own'
  if (recipe !== undefined && canCross(recipe) && !forbidden()) {
    if (WORKER_FILE && existsSync(WORKER_FILE)) return recipe
    what = "its file worker.js is not beside tdist's own; keep tdist out of your bundle"
  }
  warn('publisher worker', `publisher.worker is left out: ${what}`)
  return undefined
}

/** Whether a value can go to another thread. */
function canCross(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
