import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CACHE = fileURLToPath(new URL('../../../.cache/', import.meta.url))
const MAVEN_DEPENDENCY = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1'

/** A server of the JVM, in a process of its own. */
export interface JavaServer {
  /** Ends it at once; resolves when it has ended. */
  kill(): Promise<void>
  /** Holds it up, as a host that hangs does, and lets it go on. */
  pause(): Promise<void>
  resume(): void
}

/** A goal of Maven's dependency plugin, run with arguments. Rejects when there is no Maven, or no way to its central. */
export async function mavenDependency(goal: string, ...args: string[]): Promise<void> {
  await run('mvn', ['-q', '-B', `${MAVEN_DEPENDENCY}:${goal}`, ...args])
}

/**
 * A folder of the cache that `fill` fills once; complete as soon as it is there, whoever else fills it meanwhile.
 * Rejects when this machine lacks what it `needs`.
 */
export async function cached(
  name: string,
  fill: (folder: string) => Promise<void>,
  needs: readonly string[] = ['java'],
): Promise<string> {
  const folder = `${CACHE}${name}`
  for (const tool of needs) await run(tool, ['--version'])
  if (existsSync(folder)) return folder
  const partial = `${folder}-${process.pid}`
  mkdirSync(partial, { recursive: true })
  try {
    await fill(partial)
    mkdirSync(dirname(folder), { recursive: true })
    renameSync(partial, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  return folder
}

/** Runs `java` until it is killed, at the latest when this process ends. Resolves once `isReady`. */
export async function startJava(
  args: string[],
  env: NodeJS.ProcessEnv,
  isReady: () => Promise<boolean>,
): Promise<JavaServer> {
  const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output = `${output}${chunk}`.slice(-4000)))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const killAtExit = (): void => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const server: JavaServer = {
    async kill() {
      process.removeListener('exit', killAtExit)
      child.kill('SIGKILL')
      await ended
    },
    async pause() {
      child.kill('SIGSTOP')
      // The signal takes its time, and until then the server answers.
      const state = ['-o', 'stat=', '-p', String(child.pid)]
      while (!(await run('ps', state)).stdout.startsWith('T'));
    },
    resume: () => void child.kill('SIGCONT'),
  }
  const deadline = Date.now() + 120_000
  while (!(await isReady().catch(() => false))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const how = child.exitCode === null ? 'did not answer in time' : `ended with ${child.exitCode}`
      await server.kill()
      throw new Error(`${args.at(-1)} ${how}: ${output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return server
}
