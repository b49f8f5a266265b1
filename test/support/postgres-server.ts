import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'

/** Where Debian has its versions. */
const VERSIONS = '/usr/lib/postgresql'

/** A real PostgreSQL, for as long as a test suite needs it. */
export interface PostgresServer {
  /** As pg takes it. */
  readonly url: string
  stop(): Promise<void>
}

/**
 * The server that `POSTGRES_URL` names, or one started here on loopback from Debian's packages, with data of its own. A
 * string says why there is none: then the suite is skipped, or fails with `CI=true`.
 */
export async function startPostgres(): Promise<PostgresServer | string> {
  const named = process.env['POSTGRES_URL']
  if (named) return { url: named, stop: async () => {} }
  const version = existsSync(VERSIONS) && readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0]
  if (!version) return 'no PostgreSQL: needs POSTGRES_URL, or on Debian the package postgresql'
  const bin = join(VERSIONS, version, 'bin')
  const user = unprivileged()
  if (user === undefined) return 'no PostgreSQL: it does not run as root, and there is no user postgres'

  const folder = mkdtempSync(join(tmpdir(), 'tdist-postgres-'))
  if ('uid' in user) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const flags = ['--auth=trust', '--username=tdist', '--encoding=UTF8', '--locale=C', '--no-sync']
  const made = spawn(join(bin, 'initdb'), ['--pgdata', data, ...flags], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  })
  const [code] = (await once(made, 'close')) as [number]
  if (code !== 0) {
    remove()
    throw new Error(`initdb ended with ${code}`)
  }

  const [port] = await freePorts(1)
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'fsync=off',
    'max_connections=50',
  ]
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const server = spawn(join(bin, 'postgres'), args, { ...user, cwd: folder, stdio: 'pipe' })
  const kill = (): void => void server.kill('SIGINT')
  process.once('exit', kill)
  const ended = once(server, 'exit')
  await isReady(server)
  return {
    url: `postgres://tdist@127.0.0.1:${port}/postgres`,
    async stop() {
      process.removeListener('exit', kill)
      // Fast: the clients that are left are disconnected.
      kill()
      await ended
      remove()
    },
  }
}

/** Who may run it: this user, or where that is root the one of Debian's package. */
function unprivileged(): { uid: number; gid: number } | object | undefined {
  if (process.getuid?.() !== 0) return {}
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('postgres:'))
  if (line === undefined) return undefined
  const [, , uid, gid] = line.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

function isReady(server: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`postgres ended with ${code}: ${said}`)))
    // It is read on, or the server would find its log closed.
    server.stderr!.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4000)
      if (said.includes('is ready to accept connections')) resolve()
    })
  })
}
