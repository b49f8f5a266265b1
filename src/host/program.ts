import { readFileSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, sep } from 'node:path'

/** What a package.json says of the program that this process runs. */
export interface ProgramPackage {
  readonly name: string
  readonly version: string | undefined
  /** Whether the program is an installed package, and not the service's own code. */
  readonly isInstalled: boolean
}

/** The program that was started. Read before anything runs: a launcher that runs another program may set it again. */
const LAUNCHED = process.argv[1]
const INSTALLED = `${sep}node_modules${sep}`

/**
 * The package of the program: the nearest package.json with a name. What the program is may be known better later on,
 * when a launcher has given way to it. Code that comes from no file (`-e`, standard input, the REPL) is of the folder
 * it runs in. Undefined when there is none; never throws.
 */
export function programPackage(): ProgramPackage | undefined {
  try {
    for (const file of programFiles()) {
      const found = packageAbove(realPath(file)) ?? packageAbove(file)
      if (found) return found
    }
  } catch {
    // The folder has gone: there is nothing to read.
  }
  return undefined
}

/** Where the program may be, the surest first. */
function programFiles(): string[] {
  if (isWorkerThread()) return [serviceOfWorker(process.argv[1])]
  if (LAUNCHED !== undefined && PM2.test(LAUNCHED)) {
    const program = programOfPm2()
    if (program !== undefined) return [program]
  }
  const { _eval: code, mainModule } = process as { _eval?: unknown; mainModule?: { filename?: unknown } }
  const files = [mainModule?.filename, ...(typeof code === 'string' ? [] : [process.argv[1], LAUNCHED])]
  const known = files.filter((file) => typeof file === 'string' && isAbsolute(file)) as string[]
  return known.length > 0 ? known : [process.cwd()]
}

/** The file that pm2 starts in place of a program, which it then loads in the same process. */
const PM2 = /[\\/]ProcessContainer(Fork)?(Bun)?\.js$/

function programOfPm2(): string | undefined {
  const { pm2_env: cluster, pm_exec_path: fork } = process.env
  if (cluster === undefined) return fork
  return (JSON.parse(cluster) as { pm_exec_path?: string }).pm_exec_path
}

/**
 * Whether this is a worker thread, by what a thread may not do: to load node:worker_threads takes as long as all else.
 */
function isWorkerThread(): boolean {
  return (process.chdir as { disabled?: boolean }).disabled === true
}

/**
 * The service that a thread belongs to: where the thread's file is a library's, the folder that the library is
 * installed in.
 */
function serviceOfWorker(file: string | undefined): string {
  if (file === undefined || !isAbsolute(file)) return process.cwd()
  const at = file.indexOf(INSTALLED)
  return at < 0 ? file : file.slice(0, at)
}

function realPath(file: string): string {
  for (const candidate of [file, `${file}.js`]) {
    try {
      return realpathSync(candidate)
    } catch {
      // `node app` starts app.js.
    }
  }
  return file
}

function packageAbove(file: string): ProgramPackage | undefined {
  let folder = file
  for (;;) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name?: unknown
        version?: unknown
      }
      if (typeof name === 'string' && name.trim() !== '') {
        return {
          name: name.trim(),
          version: typeof version === 'string' ? version : undefined,
          isInstalled: folder.includes(INSTALLED),
        }
      }
    } catch {
      // No package.json here, or none that can be read: look further up.
    }
    if (dirname(folder) === folder) return undefined
    folder = dirname(folder)
  }
}
