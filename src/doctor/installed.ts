import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** A package that a folder's code can load. */
export interface Installed {
  readonly folder: string
  readonly version: string
}

/** The package of that name that code in `folder` would load; undefined when there is none. */
export function installedIn(folder: string, name: string): Installed | undefined {
  const { resolve } = createRequire(join(folder, 'package.json'))
  const folders = (resolve.paths(name) ?? []).map((path) => join(path, name))
  try {
    // Where packages lie in no such folders (Yarn's Plug'n'Play), Node's own resolution knows where they are.
    folders.unshift(dirname(resolve(`${name}/package.json`)))
  } catch {
    // It is not there, or does not export its package.json.
  }
  for (const candidate of folders) {
    const manifest = manifestIn(candidate)
    if (manifest?.name === name) return { folder: candidate, version: manifest.version ?? '0.0.0' }
  }
  return undefined
}

/** The nearest package.json with a name, from `folder` upwards. */
export function packageOf(folder: string): { readonly name: string; readonly file: string } | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const name = manifestIn(at)?.name
    if (name) return { name, file: join(at, 'package.json') }
    if (at === dirname(at)) return undefined
  }
}

function manifestIn(folder: string): { readonly name?: string; readonly version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }
  } catch {
    return undefined
  }
}
