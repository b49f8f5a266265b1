import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cached } from '../support/java-server.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** Where this suite's sources are; the compiled tests run elsewhere. */
export const SUITE = `${root}test/differential/`
const LISTS = `${SUITE}packages/`

/** A folder in which cases run as services do: `tdist` as it is packed, and the packages of the suite's lockfile. */
export interface Stage {
  readonly folder: string
  /** Removes it. */
  strike(): void
}

/** Installs the packages where that is still to do. Rejects where npm's registry is out of reach. */
export async function setStage(): Promise<Stage> {
  const packages = await install()
  const folder = `${root}build/differential/${process.pid}/`
  const modules = `${folder}node_modules/`
  mkdirSync(`${modules}tdist`, { recursive: true })
  for (const part of ['package.json', 'dist']) {
    cpSync(root + part, `${modules}tdist/${part}`, { recursive: true })
  }
  // Each by itself, so that a case finds no package that it does not name, and tdist none at all beside it.
  for (const name of dependencies()) {
    mkdirSync(dirname(modules + name), { recursive: true })
    symlinkSync(`${packages}/node_modules/${name}`, modules + name)
  }
  writeFileSync(`${folder}package.json`, '{ "private": true }')
  for (const part of ['cases', 'run-case.mjs', 'case-kit.mjs']) {
    cpSync(SUITE + part, folder + part, { recursive: true })
  }
  return { folder, strike: () => rmSync(folder, { recursive: true, force: true }) }
}

async function install(): Promise<string> {
  const hash = createHash('sha256')
    .update(readFileSync(`${LISTS}package-lock.json`))
    .digest('hex')
  return cached(
    `differential/${hash.slice(0, 12)}`,
    async (into) => {
      cpSync(LISTS, into, { recursive: true })
      const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
      await promisify(execFile)('npm', ['ci', ...quiet], { cwd: into })
    },
    ['npm'],
  )
}

function dependencies(): string[] {
  const list = JSON.parse(readFileSync(`${LISTS}package.json`, 'utf8')) as { dependencies: object }
  return Object.keys(list.dependencies)
}
