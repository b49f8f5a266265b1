import { spawn, type ChildProcess } from 'node:child_process'
import type { ServerResponse } from 'node:http'
import { decodeProto3 } from '#src/codec/proto3.js'
import { collector } from '../support.ts'

export interface SpanSink {
  readonly url: string
  /** The IDs of the spans that came, each time they came. */
  readonly ids: () => string[]
  readonly close: () => void
}

/** A real collector of proto3. `answer` decides; by default it takes everything. */
export async function spanSink(
  answer: (res: ServerResponse, count: number) => void = (res) => res.writeHead(202).end(),
): Promise<SpanSink> {
  const { url, bodies, close } = await collector(answer)
  return { url, close, ids: () => bodies.flatMap((body) => decodeProto3(body).map(({ id }) => id)) }
}

/** A service that is traced from a worker, as its users would write it. */
export function service(sender: string, spans: number, rest = '', publisher = '{ worker: true }'): string {
  return `
    import { createTracing, httpSender } from 'tdist'
    import { kinesisSender } from 'tdist/kinesis'
    const tracing = createTracing({ serviceName: 'shop', sender: ${sender}, publisher: ${publisher} })
    const work = (spans) => { for (let i = 0; i < spans; i++) tracing.tracer.trace('work', () => {}) }
    work(${spans})
    ${rest}
  `
}

export interface End {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export function start(program: string, env: NodeJS.ProcessEnv = {}, ipc = false): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  })
}

/** Resolves when the process has ended. */
export async function ended(child: ChildProcess): Promise<End> {
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...end) => resolve(end))
  })
  return { code, signal, stdout, stderr }
}
