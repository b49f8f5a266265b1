import { fileURLToPath } from 'node:url'

/** The repository's root; this runs from build/bench. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** A compiled file of the bench, by its path in this folder. */
export function compiled(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}
