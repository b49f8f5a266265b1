import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { PublisherStats } from 'tdist'
import { normalised } from './normalised.ts'
import { startOrigin } from './origin.ts'
import type { SeenSpan } from './arrivals.ts'
import type { Stage } from './stage.ts'

export type Mode = 'untraced' | 'dropIn' | 'byHand'

/** What a host shows of itself: the same traced and untraced. */
export interface HostOutput {
  readonly stdout: string
  readonly stderr: string
  readonly end: number | string
}

/** What one run of a case left. */
export interface CaseRun {
  readonly host: HostOutput
  readonly spans: readonly SeenSpan[]
  /** Tracing's own word, where the process came to its end. */
  readonly account: Account | undefined
}

export interface Account {
  readonly faults: Readonly<Record<string, number>>
  readonly stats: PublisherStats
  /** Whether a span was current at the very end. */
  readonly isCurrent: boolean
}

/** A case that has not ended by then is killed, milliseconds. */
const PATIENCE_MS = 90_000

/** Runs a case, named by its path on the stage, in a process of its own. */
export async function runCase(stage: Stage, file: string, mode: Mode): Promise<CaseRun> {
  const origin = await startOrigin()
  const register = `${stage.folder}node_modules/tdist/dist/register.cjs`
  const flags = mode === 'dropIn' ? ['--import', register] : []
  const child = spawn(process.execPath, [...flags, 'run-case.mjs', `${stage.folder}${file}`, mode], {
    cwd: stage.folder,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: {
      ...withoutSettings(),
      NODE_ENV: 'production',
      NO_COLOR: '1',
      LC_ALL: 'C.UTF-8',
      DIFFERENTIAL_ORIGIN: origin.url,
      ...(mode === 'dropIn' ? { DIFFERENTIAL_REGISTER: register } : {}),
      ...(mode === 'untraced' ? {} : { TDIST_SERVICE_NAME: 'case', TDIST_ZIPKIN_URL: `${origin.url}/` }),
    },
  })
  let isLate = false
  const timer = setTimeout(() => (isLate = child.kill('SIGKILL')), PATIENCE_MS)
  const [stdout, stderr, account, [code, signal]] = await Promise.all([
    textOf(child.stdout!),
    textOf(child.stderr!),
    textOf(child.stdio[3] as Readable),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ])
  clearTimeout(timer)
  await origin.close()
  if (isLate) throw new Error(`${mode}, the case did not end: ${stdout}${stderr}`)
  return {
    host: { stdout: normalised(stdout), stderr: normalised(stderr), end: code ?? signal! },
    spans: origin.spans,
    account: account === '' ? undefined : (JSON.parse(account) as Account),
  }
}

/** Nothing of this process's settings reaches a case. */
function withoutSettings(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(TDIST_|DIFFERENTIAL_|AWS_|NODE_|FORCE_COLOR$|PORT$|npm_)/.test(name),
  )
  return Object.fromEntries(own)
}

async function textOf(stream: Readable): Promise<string> {
  return Buffer.concat(await stream.toArray()).toString()
}
