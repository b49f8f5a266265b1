import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** A package of ours as npm gets it. */
export interface Packed {
  readonly tarball: string
  /** The tarball's files. */
  readonly folder: string
  /** What it needs beside it, by its own word. */
  readonly dependencies: readonly string[]
}

/** Packs both packages into a folder, as they were built. By name. */
export async function packBoth(folder: string): Promise<ReadonlyMap<string, Packed>> {
  const packages = ['--workspaces', '--include-workspace-root']
  await run('npm', ['pack', ...packages, '--ignore-scripts', '--pack-destination', folder], { cwd: root })
  const packed = new Map<string, Packed>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.tgz'))) {
    const tarball = `${folder}/${file}`
    const unpacked = tarball.replace(/\.tgz$/, '')
    mkdirSync(unpacked)
    await run('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1'])
    const { name, dependencies = {} } = JSON.parse(readFileSync(`${unpacked}/package.json`, 'utf8')) as {
      name: string
      dependencies?: object
    }
    packed.set(name, { tarball, folder: unpacked, dependencies: Object.keys(dependencies) })
  }
  return packed
}
