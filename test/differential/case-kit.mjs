// What a case is given besides its tracing.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'

const stage = import.meta.dirname
const require = createRequire(import.meta.url)
const closing = []

/** The world outside, which nobody traces: origin.ts says what it answers. */
export const origin = process.env.DIFFERENTIAL_ORIGIN

/** What makes a program one of this run's: nothing, or the drop-in. */
export const nodeFlags = process.env.DIFFERENTIAL_REGISTER
  ? ['--import', process.env.DIFFERENTIAL_REGISTER]
  : []

/** Has a server, or a function for one, listen on loopback until the case has run. Returns its URL. */
export async function serve(server) {
  const listening = typeof server === 'function' ? createServer(server) : server
  if (!listening.listening) await once(listening.listen(0, '127.0.0.1'), 'listening')
  closing.push(() => {
    listening.close()
    listening.closeAllConnections?.()
  })
  return `http://127.0.0.1:${listening.address().port}`
}

/** Has something done when the case has run. */
export function after(end) {
  closing.push(end)
}

/**
 * A request by someone outside, over a socket of its own, and every byte of the answer until the other end closes.
 * `abortAfter` hangs up as soon as that much text is there.
 */
export function ask(url, { method = 'GET', headers = {}, body = '', abortAfter } = {}) {
  const { hostname, port, pathname, search } = new URL(url)
  const lines = Object.entries({ Host: 'outside', Connection: 'close', ...headers })
  if (body.length > 0) lines.push(['Content-Length', Buffer.byteLength(body)])
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return new Promise((resolve) => {
    const socket = connect(port, hostname)
    let answer = ''
    socket.setEncoding('latin1').on('data', (part) => {
      answer += part
      if (abortAfter !== undefined && answer.includes(abortAfter)) socket.destroy()
    })
    socket.on('error', (error) => (answer += error.code))
    socket.on('close', () => resolve(answer))
    socket.write(`${method} ${pathname}${search} HTTP/1.1\r\n${head}\r\n`)
    if (body.length > 0) socket.write(body)
  })
}

/** A signal that is given when a request for this path has reached the origin; the caller is then to give up. */
export function abortOn(path) {
  const controller = new AbortController()
  void ask(`${origin}/arrival?of=${path}`).then(() => controller.abort())
  return controller.signal
}

/** Waits until so many spans have been reported, where any are: for a program that ends without leaving time for it. */
export async function reported(count) {
  if (process.env.TDIST_SERVICE_NAME) await ask(`${origin}/arrival?spans=${count}`)
}

/** How many listeners an emitter has, by event. */
export function listeners(emitter) {
  return Object.fromEntries(
    emitter.eventNames().map((event) => [String(event), emitter.listenerCount(event)]),
  )
}

/** A folder of files by name, from where `node_modules` is found. Returns its path. */
export function folder(files) {
  const path = mkdtempSync(join(stage, 'folder-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  return path
}

/**
 * A Node program of this run's kind, as a process of its own, and as the service `program`: when it has `ended`,
 * `until(pattern)` of its standard output, the `answer(url)` of one that is about to listen, all it has `said`, and its
 * `child`. It is killed when the case has run.
 */
export function program(args, { env = {}, cwd = stage } = {}) {
  const service = process.env.TDIST_SERVICE_NAME ? { TDIST_SERVICE_NAME: 'program' } : {}
  const options = { cwd, env: { ...process.env, ...service, ...env } }
  const child = spawn(process.execPath, [...nodeFlags, ...args], options)
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (said.err += text))
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal)
  closing.push(() => child.kill('SIGKILL'))
  const until = async (pattern) => {
    while (!pattern.test(said.out)) {
      if (child.exitCode !== null) throw new Error(`ended before it said ${pattern}: ${said.out}${said.err}`)
      await Promise.race([once(child.stdout, 'data'), ended])
    }
    return pattern.exec(said.out)
  }
  const answer = async (url, options) => {
    for (;;) {
      const text = await ask(url, options)
      if (text !== 'ECONNREFUSED') return text
      if (child.exitCode !== null) throw new Error(`ended before it answered: ${said.out}${said.err}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return { child, said, ended, until, answer }
}

/** The file of a package's command, for {@link program}. */
export function command(packageName, name = packageName) {
  const manifest = require.resolve(`${packageName}/package.json`)
  const { bin } = require(manifest)
  return join(dirname(manifest), typeof bin === 'string' ? bin : bin[name])
}

/** A port that was free just now, of none of those that systems give by themselves, for a program that must be told. */
export async function freePort() {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    const probe = createServer().listen(port, '127.0.0.1')
    const isFree = await once(probe, 'listening').catch(() => false)
    probe.close()
    if (isFree) return port
  }
}

export async function closeAll() {
  for (const close of closing.reverse()) await close()
}
