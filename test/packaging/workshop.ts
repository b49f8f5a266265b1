import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages, type InstalledPackages } from '../support/installed-packages.ts'
import { packBoth, type Packed } from './tarballs.ts'

/** Where this suite's sources are; the compiled tests run elsewhere. */
export const SUITE = fileURLToPath(new URL('../../../test/packaging', import.meta.url))

/** Where projects are made: both packages as npm gets them, and the packages of the suite's lockfile. */
export interface Workshop {
  readonly folder: string
  readonly packed: ReadonlyMap<string, Packed>
  /** The folder of the packages that projects use beside ours. */
  readonly installed: string
  /** Makes a project of a folder of the suite's, anew, with just these packages installed. Returns its folder. */
  make(project: string, packages: readonly string[]): string
  close(): void
}

/** Rejects where npm's registry is out of reach and the packages aren't installed yet. */
export async function openWorkshop(): Promise<Workshop> {
  const installed = await installPackages('packaging', `${SUITE}/packages`)
  // Out of the repository, where a package that is not installed is not found in its node_modules after all.
  const folder = mkdtempSync(join(tmpdir(), 'tdist-packaging-'))
  const packed = await packBoth(folder)
  return {
    folder,
    packed,
    installed: installed.folder,
    make(project, packages) {
      const made = join(folder, project.replaceAll('/', '-'))
      rmSync(made, { recursive: true, force: true })
      cpSync(`${SUITE}/projects/${project}`, made, { recursive: true })
      mkdirSync(`${made}/node_modules`)
      install(`${made}/node_modules`, packages, packed, installed)
      return made
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Ours as copies, for a link would lead back to where the others are; those with what they need. */
function install(
  modules: string,
  packages: readonly string[],
  packed: ReadonlyMap<string, Packed>,
  installed: InstalledPackages,
): void {
  const all = new Set(packages.flatMap((name) => [name, ...(packed.get(name)?.dependencies ?? [])]))
  for (const name of all) {
    const ours = packed.get(name)
    if (ours) cpSync(ours.folder, `${modules}/${name}`, { recursive: true })
    else installed.link([name], modules)
  }
}
