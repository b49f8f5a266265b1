import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './java-server.ts'

/** What a suite installs beside the repository's own packages. */
export interface InstalledPackages {
  /** Where they are, each package that one of them needs among them. */
  readonly folder: string
  /** Those that the suite names. */
  readonly names: readonly string[]
}

/**
 * Installs the packages of the lockfile in `lists`, where that is still to do; the cache keeps them under the suite's name.
 * Rejects where npm's registry is out of reach.
 */
export async function installPackages(suite: string, lists: string): Promise<InstalledPackages> {
  const hash = createHash('sha256')
    .update(readFileSync(`${lists}/package-lock.json`))
    .digest('hex')
  const installed = await cached(
    `${suite}/${hash.slice(0, 12)}`,
    async (into) => {
      cpSync(lists, into, { recursive: true })
      const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
      await promisify(execFile)('npm', ['ci', ...quiet], { cwd: into })
    },
    ['npm'],
  )
  const folder = `${installed}/node_modules`
  const list = JSON.parse(readFileSync(`${lists}/package.json`, 'utf8')) as { dependencies: object }
  return { folder, names: Object.keys(list.dependencies) }
}

/** Puts a package of a folder into a project's `node_modules`: there it finds what it needs, and the project it alone. */
export function linkPackage(name: string, from: string, modules: string): void {
  mkdirSync(dirname(`${modules}/${name}`), { recursive: true })
  symlinkSync(`${from}/${name}`, `${modules}/${name}`)
}
