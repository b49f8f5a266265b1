import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** A program that a test has started, as a reader of the documentation would. */
export interface Program {
  /** All it has said so far. */
  readonly said: { out: string; err: string }
  /** Resolves when it has ended, to how. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  /** Resolves when its standard output matches; rejects when it ends before. */
  until(pattern: RegExp): Promise<void>
  /** Ends it and all that it started. */
  kill(signal: NodeJS.Signals): void
}

/** Starts a command in a folder. Nothing of this process's settings for tracing or for the AWS SDK reaches it. */
export function startProgram(
  t: TestContext,
  cwd: string,
  [file, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
): Program {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(TDIST_|AWS_|NODE_|FORCE_COLOR$|PORT$)/.test(name),
  )
  const child = spawn(file, args, {
    cwd,
    env: { ...Object.fromEntries(own), NO_COLOR: '1', LC_ALL: 'C.UTF-8', ...env },
    detached: true,
  })
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, signal)
    } catch {
      // It has ended.
    }
  }
  t.after(() => kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk))
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  const until = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(said.out)) {
      if (child.exitCode !== null) throw new Error(`ended before it said ${pattern}: ${said.out}${said.err}`)
      await Promise.race([once(child.stdout, 'data'), ended])
    }
  }
  return { said, ended, until, kill }
}

/** The answer of a server that is about to listen; what it says of that cannot be awaited, for it says nothing. */
export async function getFrom(
  program: Program,
  url: string,
  headers: Record<string, string> = {},
): Promise<string> {
  let over: Awaited<Program['ended']> | undefined
  void program.ended.then((how) => (over = how))
  for (;;) {
    const answer = await fetch(url, { headers }).catch(() => undefined)
    if (answer) return answer.text()
    if (over !== undefined) throw new Error(`ended (${String(over)}) before it answered: ${program.said.err}`)
    await sleep(20)
  }
}
