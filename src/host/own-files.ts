/*
 * The build puts CommonJS's own `require` and a file beside the bundle in place of these two, by the text of the call:
 * so nothing of node:module is loaded at a start, and who bundles a service sees what it needs.
 */
const base = new URL('../', import.meta.url)

/** Loads a module of ours now, by its path in `src/` without the ending. For what most services never need. */
export function ownRequire(module: string): unknown {
  const { createRequire } = process.getBuiltinModule('node:module')
  return createRequire(base)(`./${module}.js`)
}

/** The path of the file of a module of ours, by the module's path in `src/` without the ending. */
export function ownFile(module: string): string {
  return process.getBuiltinModule('node:url').fileURLToPath(new URL(`${module}.js`, base))
}
