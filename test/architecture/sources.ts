import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder, with a slash at the end. */
export const root: string = fileURLToPath(new URL('../../../', import.meta.url))

/** Every source file, by its path from the repository's folder. */
export type Sources = ReadonlyMap<string, string>

/** One file names another, or a package. Types count: who reads a file has to follow them too. */
export interface Import {
  readonly from: string
  /** A path like those of {@link Sources}, or the name of a package or of a module of Node's. */
  readonly to: string
  readonly typeOnly: boolean
}

export function readSources(): Sources {
  return new Map(
    ['src', 'server/src'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
        .filter((file) => /\.c?ts$/.test(file))
        .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const),
    ),
  )
}

export function importsOf(sources: Sources): Import[] {
  return [...sources].flatMap(([file, source]) => importsIn(file, source))
}

function importsIn(from: string, source: string): Import[] {
  const pattern =
    /^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm
  return [...source.matchAll(pattern)].map(([, type, named, bare, lazy]) => {
    const specifier = (named ?? bare ?? lazy)!
    const typeOnly = type !== undefined || source.includes(`typeof import('${specifier}')`)
    const to = specifier.startsWith('.')
      ? posix.join(posix.dirname(from), specifier).replace(/\.cjs$/, '.cts')
      : specifier
    return { from, to, typeOnly }
  })
}

/**
 * The folder that a rule speaks of: `publisher` with all below it, but each folder of `transports` by itself;
 * `server/collector` likewise. The files that stand beside such folders are entries.
 */
export function folderOf(file: string): string {
  const isServers = file.startsWith('server/')
  const [, first, second, third] = file.replace('server/', '').split('/')
  if (second === undefined) return isServers ? 'server' : 'entries'
  const folder = first === 'transports' && third !== undefined ? `transports/${second}` : first!
  return isServers ? `server/${folder}` : folder
}

export function arrow({ from, to }: Import): string {
  return `${from} -> ${to}`
}
