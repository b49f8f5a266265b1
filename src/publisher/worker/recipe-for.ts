import { existsSync } from 'node:fs'
import { warn } from '../../host/log.ts'
import { ownFile } from '../../host/own-files.ts'
import type { Sender, SenderRecipe } from '../senders/sender.ts'

export const WORKER_FILE: string = ownFile('publisher/worker/worker')

/** Why Node lets this process start no thread; undefined when it may. */
function forbidden(): string | undefined {
  const { permission } = process as { permission?: { has(scope: string): boolean } }
  if (!permission || permission.has('worker')) return undefined
  return "Node's permission model allows no worker; start with --allow-worker"
}

/**
 * How a worker makes the sender again. Undefined where it cannot, which a line on standard error explains: spans are
 * then sent from the service's own thread.
 */
export function recipeFor({ recipe }: Sender): SenderRecipe | undefined {
  let what =
    forbidden() ??
    'the sender cannot be made again in a worker: it is not one of tdist, or has a client of your own'
  if (recipe !== undefined && canCross(recipe) && !forbidden()) {
    // In a bundle of the service's it has no place.
    if (existsSync(WORKER_FILE)) return recipe
    what = "its file tdist-worker.cjs is not beside tdist's own; keep tdist out of your bundle"
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
