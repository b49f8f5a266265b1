import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ArgumentError } from './arguments.ts'
import { ROOT } from './paths.ts'

/** A Node to measure under. */
export interface NodeBinary {
  readonly path: string
  readonly version: string
  readonly major: number
}

/** The Node that runs this, or the given major version from the ignored cache; throws one line if it isn't there. */
export function nodeBinary(major?: number): NodeBinary {
  if (major === undefined || major === majorOf(process.versions.node)) {
    return { path: process.execPath, version: process.versions.node, major: majorOf(process.versions.node) }
  }
  const name = `node-${process.platform}-${process.arch}`
  const cache = `.cache/node-${major}`
  const path = join(ROOT, cache, 'node_modules', name, 'bin/node')
  if (!existsSync(path)) {
    throw new ArgumentError(
      `Node ${major} is not here; get it with: npm install --no-save --prefix ${cache} ${name}@${major}`,
    )
  }
  const version = execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
  return { path, version, major }
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10)
}
