import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { PublisherStats } from 'tdist'

export const register: string = createRequire(import.meta.url).resolve('tdist/register')
const folder = new URL('../../../test/bad-input/', import.meta.url)
export const plain: string = fileURLToPath(new URL('plain.mjs', folder))
export const explicit: string = fileURLToPath(new URL('explicit.mjs', folder))

/** How a service is run. */
export interface Service {
  readonly file: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Nobody reads its standard error, and what it writes there fails. */
  readonly closesStderr?: boolean
}

/** What a service did from its start to its end. */
export interface Run {
  /** Every byte of each answer, but for what tells the time or the port. */
  readonly answers: readonly string[]
  readonly stderr: string
  readonly end: { readonly code: number | null; readonly signal: string | null }
  /** The publisher's accounts at the end, where it was traced and left its own way. */
  readonly stats: PublisherStats | undefined
  readonly faults: Readonly<Record<string, number>> | undefined
}

/** The plain service, untraced: what every other run must answer. */
export const untraced: Service = { file: plain }

/** The same, traced by one line. */
export function dropIn(env: Service['env'] = {}): Service {
  return { file: plain, flags: ['--import', register], env }
}

/**
 * Starts a service, writes each of `requests` to a connection of its own, one after the other, and has it end: by
 * itself when there is nothing left to do, or by the signal. One that is to speak is first given the time to.
 */
export async function run(
  service: Service,
  requests: readonly (Buffer | string)[],
  { signal, speaks = false }: { signal?: 'SIGTERM' | 'SIGINT'; speaks?: boolean } = {},
): Promise<Run> {
  const child = spawn(process.execPath, [...(service.flags ?? []), service.file], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      TDIST_SERVICE_NAME: 'app',
      TDIST_SENDER: 'none',
      ...service.env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (lines: string) => (stderr += lines))
  if (service.closesStderr) child.stderr!.destroy()
  let stdout = ''
  const closed = once(child, 'close') as Promise<[number | null, string | null]>
  child.stdout!.setEncoding('utf8').on('data', (lines: string) => (stdout += lines))
  await Promise.race([once(child.stdout!, 'data'), closed])
  const port = Number.parseInt(stdout, 10)
  assert.ok(port > 0, `the service did not start: ${stderr}`)
  const answers: string[] = []
  for (const request of requests) answers.push(await exchange(port, request))
  if (speaks && stderr === '') await Promise.race([once(child.stderr!, 'data'), closed])
  if (signal) child.kill(signal)
  else child.send('end')
  const [code, endedBy] = await closed
  const [, last] = stdout.split('\n')
  const { stats, faults } = (last ? JSON.parse(last) : {}) as Partial<Run>
  return { answers, stderr, end: { code, signal: endedBy }, stats, faults }
}

/** All that comes back until the other end closes. */
function exchange(port: number, request: Buffer | string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    let end = ''
    socket.on('error', (error: NodeJS.ErrnoException) => (end = error.code!))
    socket.on('close', () => {
      const answer = Buffer.concat(chunks).toString('latin1') + end
      resolve(answer.replace(/^Date: .*\r\n/gm, '').replaceAll(`127.0.0.1:${port}`, 'the service'))
    })
    socket.write(request)
  })
}

/** The bytes of a GET; the connection ends with it. */
export function get(path: string, headers: readonly (readonly [string, string])[] = []): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: app\r\n${lines}Connection: close\r\n\r\n`)
}

/** What every service is asked, whatever is wrong with its tracing. */
export const everyday: readonly Buffer[] = [
  ...['axios', 'undici', 'fetch', 'http'].flatMap((client) => [
    get(`/via/${client}`),
    get(`/gone/${client}`),
  ]),
  get('/broken/7'),
  get('/nowhere'),
  get('/echo?q=1', [['X-B3-Flags', '1']]),
  Buffer.from(
    `POST /echo HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
  ),
  // Three on one connection: the answers keep their order.
  Buffer.from(
    `GET /slow/1 HTTP/1.1\r\nHost: app\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: app\r\n\r\n${get('/slow/2').toString()}`,
  ),
]

let reference: Promise<Run> | undefined

/** What the untraced service answers to {@link everyday}, and how it ends. */
export function everydayUntraced(): Promise<Run> {
  reference ??= run(untraced, everyday)
  return reference
}

/**
 * What is on standard error, by lines. How many spans a line is about, whether some are left for a last line like it at
 * the end, and where the collector listens, is not the same in every run.
 */
export function linesOf({ stderr }: Run, port?: number): string[] {
  const lines = stderr.replaceAll(`127.0.0.1:${port}`, 'the collector').split('\n')
  const same = lines
    .slice(0, -1)
    .map((line) => line.replace(/^tdist: \d+ spans?( was| were)?/, 'tdist: N spans'))
  return same.length > 1 && same.at(-1) === same.at(-2) ? same.slice(0, -1) : same
}

/** The line at the end of a process that could not send all it had. */
export const NOT_SENT = 'tdist: N spans not sent before the process ended'

/** Whether a service that is to say these lines says the first while it runs. */
export function speaks([first]: readonly string[]): boolean {
  return first !== undefined && first !== NOT_SENT
}

/** In the accounts nothing is missing. */
export function assertBalanced({ stats }: Run): void {
  assert.ok(stats)
  const { offered, sent, inDoubt, dropped, queued, inFlight } = stats
  const lost = Object.values(dropped).reduce((sum, spans) => sum + spans, 0)
  assert.equal(sent + inDoubt + lost + queued + inFlight, offered, JSON.stringify(stats))
}
