import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const VERSION = '3.6.1'
const FOLDER = fileURLToPath(new URL('../../../.cache/zipkin/', import.meta.url))
const JAR = `${FOLDER}zipkin-server-${VERSION}-slim.jar`

/** A real Zipkin server, for as long as a test suite needs it. */
export interface ZipkinServer {
  readonly url: string
  stop(): Promise<void>
}

/**
 * The server that `ZIPKIN_URL` names, or one started here from Maven's jar (fetched once). A string says why there is
 * none: then the suite is skipped, or fails with `CI=true`.
 */
export async function startZipkinServer(): Promise<ZipkinServer | string> {
  const url = process.env['ZIPKIN_URL']
  if (url) return { url: url.replace(/\/$/, ''), stop: async () => {} }
  const run = promisify(execFile)
  try {
    await run('java', ['-version'])
    if (!existsSync(JAR)) await fetchJar(run)
  } catch (error) {
    return `no Zipkin server: needs ZIPKIN_URL, or Java 17 and Maven (${(error as Error).message.split('\n')[0]})`
  }
  return start(await freePort())
}

async function fetchJar(run: (file: string, args: string[]) => Promise<unknown>): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  await run('mvn', [
    '-q',
    '-B',
    'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy',
    `-Dartifact=io.zipkin:zipkin-server:${VERSION}:jar:slim`,
    `-DoutputDirectory=${FOLDER}`,
  ])
}

async function start(port: number): Promise<ZipkinServer> {
  const child = spawn(
    'java',
    [
      '-Xmx256m',
      '-jar',
      JAR,
      '--armeria.ports[0].ip=127.0.0.1',
      `--armeria.ports[0].port=${port}`,
      '--armeria.ports[0].protocols[0]=http',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output = `${output}${chunk}`.slice(-4000)))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const url = `http://127.0.0.1:${port}`
  const server: ZipkinServer = {
    url,
    async stop() {
      process.removeListener('exit', kill)
      child.kill()
      await ended
    },
  }
  const deadline = Date.now() + 120_000
  for (;;) {
    const healthy = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    )
    if (healthy) return server
    if (child.exitCode !== null || Date.now() > deadline) {
      await server.stop()
      throw new Error(`the Zipkin server did not start: ${output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
