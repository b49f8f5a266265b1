import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages, linkPackage, type InstalledPackages } from '../support/installed-packages.ts'
import { packBoth, type Packed } from './tarballs.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** Where this suite's sources are; the compiled tests run elsewhere. */
export const SUITE = `${root}test/packaging`

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

/** Ours as copies, for a link would lead back to where the others are. What ours need is as the repository has it. */
function install(
  modules: string,
  packages: readonly string[],
  packed: ReadonlyMap<string, Packed>,
  installed: InstalledPackages,
): void {
  for (const name of packages) {
    if (!packed.has(name)) linkPackage(name, installed.folder, modules)
  }
  const ours = packages.filter((name) => packed.has(name))
  for (const name of ours) {
    cpSync(packed.get(name)!.folder, `${modules}/${name}`, { recursive: true })
    for (const needed of packed.get(name)!.dependencies) {
      if (packed.has(needed)) ours.push(needed)
      else if (!existsSync(`${modules}/${needed}`)) linkPackage(needed, folderOf(needed), modules)
    }
  }
}

function folderOf(dependency: string): string {
  const folders = [`${root}server/node_modules`, `${root}node_modules`]
  return folders.find((folder) => existsSync(`${folder}/${dependency}`))!
}
