import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cleanEnvironment } from '../child.ts'
import { exactly } from '../figure.ts'
import { ROOT } from '../paths.ts'
import { atMost } from '../row.ts'
import { scenario } from './scenario.ts'

interface Size {
  readonly packages: number
  readonly kilobytes: number
}

type Measured = Readonly<Record<'tdist' | 'peer', Size>>

/** The packages that a service depends on to be traced as in the other rows. */
const PEER_PACKAGES = [
  'api',
  'exporter-zipkin',
  'instrumentation',
  'instrumentation-express',
  'instrumentation-http',
  'instrumentation-undici',
  'propagator-b3',
  'sdk-trace-node',
].map((name) => `@opentelemetry/${name}`)

/** What an install brings: packages, and the bytes of their files. */
export const install = scenario<Measured>(
  'install',
  () => [
    {
      name: 'install: packages of tdist',
      unit: 'packages',
      goal: atMost(1),
      against: 'the packed tarball, installed in an empty folder',
      figure: ({ tdist }) => exactly(tdist.packages),
    },
    {
      name: 'install: size of tdist',
      unit: 'kB',
      goal: atMost(320),
      against: 'the packed tarball, installed in an empty folder, source maps not counted',
      figure: ({ tdist }) => exactly(tdist.kilobytes),
    },
    {
      name: 'install: packages of OpenTelemetry',
      unit: 'packages',
      against: 'the eight of the other rows and what they need, as installed here',
      figure: ({ peer }) => exactly(peer.packages),
    },
    {
      name: 'install: size of OpenTelemetry',
      unit: 'kB',
      against: 'the eight of the other rows and what they need, as installed here',
      figure: ({ peer }) => exactly(peer.kilobytes),
    },
  ],
  async () => ({ tdist: installed(), peer: closureOf(PEER_PACKAGES) }),
)

/** Packs this package and installs the tarball where there is nothing else. */
function installed(): Size {
  const folder = mkdtempSync(join(tmpdir(), 'tdist-bench-'))
  try {
    const packed = npm(ROOT, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder)
    const tarball = (JSON.parse(packed) as [{ filename: string }])[0].filename
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    npm(folder, 'install', '--offline', '--no-audit', '--no-fund', `./${tarball}`)
    const modules = join(folder, 'node_modules')
    const lock = readFileSync(join(modules, '.package-lock.json'), 'utf8')
    const { packages } = JSON.parse(lock) as { packages: object }
    return { packages: Object.keys(packages).length, kilobytes: bytesBelow(modules) / 1000 }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function npm(cwd: string, ...args: readonly string[]): string {
  return execFileSync('npm', args, {
    cwd,
    env: cleanEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** The given packages and all they depend on, from where they are installed for the bench. */
function closureOf(names: readonly string[]): Size {
  const folders = new Set<string>()
  const add = (name: string, from: string): void => {
    const folder = folderOf(name, from)
    if (folders.has(folder)) return
    folders.add(folder)
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>
    }
    for (const dependency of Object.keys(dependencies)) add(dependency, folder)
  }
  for (const name of names) add(name, ROOT)
  let bytes = 0
  for (const folder of folders) bytes += bytesBelow(folder)
  return { packages: folders.size, kilobytes: bytes / 1000 }
}

/** Where Node finds the package from a folder. */
function folderOf(name: string, from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(found)) return found
    if (folder === dirname(folder)) throw new Error(`${name} is not installed; run npm ci`)
  }
}

/** The bytes of the files in a folder, but for packages nested in it, source maps and npm's hidden files. */
function bytesBelow(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.name === '.package-lock.json' || entry.name.endsWith('.map')) continue
    if (entry.isDirectory()) bytes += entry.name === 'node_modules' ? 0 : bytesBelow(path)
    else if (entry.isFile()) bytes += statSync(path).size
  }
  return bytes
}
