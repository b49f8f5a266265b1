import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { installPackages, linkPackage } from '../support/installed-packages.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** Where this suite's sources are; the compiled tests run elsewhere. */
export const SUITE = `${root}test/differential/`

/** A folder in which cases run as services do: `tdist` as it is packed, and the packages of the suite's lockfile. */
export interface Stage {
  readonly folder: string
  /** Removes it. */
  strike(): void
}

/** Installs the packages where that is still to do. Rejects where npm's registry is out of reach. */
export async function setStage(): Promise<Stage> {
  const packages = await installPackages('differential', `${SUITE}packages`)
  const folder = `${root}build/differential/${process.pid}/`
  const modules = `${folder}node_modules/`
  mkdirSync(`${modules}tdist`, { recursive: true })
  for (const part of ['package.json', 'dist']) {
    cpSync(root + part, `${modules}tdist/${part}`, { recursive: true })
  }
  // Each by itself, so that a case finds no package that it does not name, and tdist none at all beside it.
  for (const name of packages.names) linkPackage(name, packages.folder, modules)
  writeFileSync(`${folder}package.json`, '{ "private": true }')
  for (const part of ['cases', 'run-case.mjs', 'case-kit.mjs']) {
    cpSync(SUITE + part, folder + part, { recursive: true })
  }
  return { folder, strike: () => rmSync(folder, { recursive: true, force: true }) }
}
