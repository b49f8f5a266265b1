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
  /** Puts some of them into a project's `node_modules`: it finds these, and none that it does not name. */
  link(names: readonly string[], modules: string): void
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
  return {
    folder,
    names: Object.keys(list.dependencies),
    link(names, modules) {
      for (const name of names) {
        mkdirSync(dirname(`${modules}/${name}`), { recursive: true })
        symlinkSync(`${folder}/${name}`, `${modules}/${name}`)
      }
    },
  }
}
