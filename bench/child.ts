import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { NodeBinary } from './node-binary.ts'
import { compiled } from './paths.ts'

/** How a process is started. */
export interface ChildOptions {
  readonly node?: NodeBinary
  /** Modules that are imported before the process's own, as by `node --import`. */
  readonly imports?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Gets each line that the process writes to standard error, which otherwise goes to ours. */
  readonly onStderr?: (line: string) => void
}

/** A process of the bench that is asked one question at a time. */
export class Child {
  readonly #process: ChildProcess
  readonly #file: string

  constructor(file: string, options: ChildOptions = {}) {
    this.#file = file
    this.#process = start(file, options)
  }

  /** Sends a question and resolves to its answer; rejects when the process fails or ends instead. */
  async ask<T>(question: object): Promise<T> {
    const answer = messageOf<{ result: T; error?: string }>(this.#process, this.#file)
    // A process that is gone is reported by its end.
    this.#process.send(question, () => {})
    const { result, error } = await answer
    if (error !== undefined) throw new Error(`${this.#file}: ${error}`)
    return result
  }

  /** Ends the process, and resolves when it has. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exit
  }
}

/** Starts a process that tells one thing and then ends by itself; resolves to what it told. */
export async function runOnce<T>(file: string, options: ChildOptions = {}): Promise<T> {
  const child = start(file, options)
  const exit = once(child, 'exit')
  const message = await messageOf<T>(child, file)
  await exit
  return message
}

function start(file: string, { node, imports = [], env = {}, onStderr }: ChildOptions): ChildProcess {
  const child = fork(compiled(file), {
    ...(node ? { execPath: node.path } : {}),
    execArgv: imports.flatMap((specifier) => ['--import', specifier]),
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'ignore', onStderr ? 'pipe' : 'inherit', 'ipc'],
  })
  if (onStderr) createInterface(child.stderr!).on('line', onStderr)
  return child
}

/** The process's next message; rejects when the process ends before it. */
async function messageOf<T>(child: ChildProcess, file: string): Promise<T> {
  const gone = new AbortController()
  const ended = (): void => gone.abort()
  child.once('exit', ended)
  try {
    if (child.exitCode !== null || child.signalCode !== null) ended()
    const [message] = (await once(child, 'message', { signal: gone.signal })) as [T]
    return message
  } catch (error) {
    if (!gone.signal.aborted) throw error
    // oxlint-disable-next-line preserve-caught-error -- the abort is ours, and says nothing
    throw new Error(`${file} ended with ${child.exitCode ?? child.signalCode}`)
  } finally {
    child.off('exit', ended)
  }
}

/** This process's environment without what would change how a measured one is traced or run. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(TDIST|OTEL|NODE)_/.test(name))
  return { ...Object.fromEntries(kept), NODE_ENV: 'production' }
}
