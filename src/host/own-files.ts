/*
 * The build puts CommonJS's own `require` and a file beside the bundle in place of these two, by the text of the call: so
 * nothing of node:module is loaded at a start, and who bundles a service sees what it needs.
 */
const base = new URL('../', import.meta.url)

/** A module of ours, by its path in `src/` without the ending, loaded now. For what most services never need. */
export function ownRequire(module: string): unknown {
  const { createRequire } = process.getBuiltinModule('node:module')
  return createRequire(base)(`./${module}.js`)
}

/** The file of a module of ours, likewise. */
export function ownFile(module: string): string {
  return process.getBuiltinModule('node:url').fileURLToPath(new URL(`${module}.js`, base))
}
