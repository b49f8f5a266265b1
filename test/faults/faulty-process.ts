/*
 * Runs a service again and again, each time with a fault in another function of the traced copy, and tells its
 * parent what came of each: told with the folder of the copy, and the points to try.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type { FaultKind } from './fault-points.ts'
import { makeService, REQUESTS, type Ways } from './service.ts'
import { loadWirings, type Wiring } from './wirings.ts'

/** What to try. */
export interface Trial {
  readonly point: number
  readonly kind: FaultKind
  readonly wiring: string
  /** Whether the fault is there when the tracing is made, or only while requests are handled. */
  readonly from: 'setup' | 'requests'
}

/** What came of it: nothing where all was as untraced. */
export interface Verdict {
  readonly trial: Trial
  readonly reached: boolean
  /** Whether the tracing's own faults say so. */
  readonly counted: boolean
  readonly changes: readonly string[]
}

/** The points that a run without faults reaches, by when. */
export interface Reached {
  readonly wiring: string
  readonly setup: readonly number[]
  readonly requests: readonly number[]
}

class Fault extends Error {
  override readonly name = 'Fault'
}

let active: Trial | undefined
let hits = new Set<number>()
/** Whether the active one has failed. */
let failed = false

Object.assign(globalThis, {
  tdistFault(point: number): Promise<never> | undefined {
    hits.add(point)
    if (point !== active?.point) return undefined
    failed = true
    if (active.kind === 'hang') return new Promise(() => {})
    const fault = new Fault(`fault ${point}`)
    if (active.kind === 'reject') return Promise.reject(fault)
    throw fault
  },
})

const uncaught: string[] = []
process.on('uncaughtException', (error) => uncaught.push(`uncaught: ${error.stack ?? String(error)}`))
// What tracing says of its faults is right, and too much to read.
process.stderr.write = () => true

/** As much as one request may take; all together take a few milliseconds. */
const PATIENCE_MS = 10_000

async function main(copy: string): Promise<void> {
  const collector = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      if (data.includes('POST ')) socket.write('HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n')
    })
  })
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/api/v2/spans`
  const wirings = await loadWirings(copy, url)
  const untraced = await observe({})

  process.on('message', (message: Trial | 'reach') => {
    void (message === 'reach' ? reach(wirings) : judge(wirings, message, untraced)).then((answer) =>
      process.send!(answer),
    )
  })
  process.on('disconnect', () => process.exit())
  process.send!('ready')
}

async function reach(wirings: ReadonlyMap<string, Wiring>): Promise<Reached[]> {
  const all: Reached[] = []
  for (const [name, wiring] of wirings) {
    hits = new Set()
    const wired = wiring()
    const setup = hits
    hits = new Set()
    await observe(wired.ways)
    await wired.settle()
    const requests = hits
    hits = new Set()
    await wired.undo()
    all.push({ wiring: name, setup: [...setup], requests: [...requests] })
  }
  return all
}

async function judge(
  wirings: ReadonlyMap<string, Wiring>,
  trial: Trial,
  untraced: readonly string[],
): Promise<Verdict> {
  uncaught.length = 0
  failed = false
  const changes: string[] = []
  let counted = false
  try {
    if (trial.from === 'setup') active = trial
    const wired = wirings.get(trial.wiring)!()
    active = trial
    const observed = await Promise.race([observe(wired.ways, untraced), patience()])
    await wired.settle()
    active = undefined
    counted = wired.faults() > 0
    await wired.undo()
    for (const [i, response] of observed.entries()) {
      if (response === untraced[i]) continue
      changes.push(`${REQUESTS[i]!.title}: ${response} instead of ${untraced[i]}`)
    }
  } catch (error) {
    changes.push(`${error instanceof Error ? error.stack : String(error)}`)
  }
  active = undefined
  // A rejection that nobody handles is told after the microtasks.
  await new Promise(setImmediate)
  return { trial, reached: failed, counted, changes: [...changes, ...uncaught] }
}

function patience(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error('the service hung')), 2 * PATIENCE_MS).unref()
  })
}

/** The responses of the service, byte for byte save the date; the first that is not as expected is the last. */
async function observe(ways: Partial<Ways>, expected: readonly string[] = []): Promise<string[]> {
  const server = makeService(ways)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const responses: string[] = []
  for (const [i, { head, body = '' }] of REQUESTS.entries()) {
    const response = await exchange(port, head, body)
    responses.push(response.replace(/\r\ndate: [^\r]*/i, '').replaceAll(String(port), 'PORT'))
    if (expected.length > 0 && responses[i] !== expected[i]) break
  }
  server.close()
  server.closeAllConnections()
  return responses
}

/** Asks by a bare socket, which no instrumentation knows of. */
function exchange(port: number, head: string, body: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1')
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
    socket.on('data', (data) => (text += data.toString('latin1')))
    socket.on('error', (error) => (text += ` ${error.message}`))
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
    const length = body === '' ? '' : `content-length: ${body.length}\r\n`
    socket.write(`${head}\r\nhost: shop\r\nconnection: close\r\n${length}\r\n${body}`)
  })
}

void main(process.argv[2]!)
