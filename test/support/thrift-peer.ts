import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cached, mavenDependency } from './java-server.ts'

const run = promisify(execFile)
const SOURCES = fileURLToPath(new URL('../../../test/thrift/', import.meta.url))
const IDL = `${SOURCES}service.thrift`
/** The newest that compiles what Debian's compiler, 0.17, generates. */
const LIBTHRIFT = '0.20.0'
const OPENTELEMETRY = '2.33.1'

export type Language = 'python' | 'cpp' | 'java'

/** How messages are wrapped: what both ends of a connection must agree on. */
export interface Wire {
  readonly processor: 'plain' | 'mux'
  readonly transport: string
  readonly protocol: string
}

/** A program in another language, with the Thrift library of that language as it is published. */
export interface ThriftPeer {
  /** A server for every combination that the language has, on loopback. */
  readonly servers: readonly (Wire & { readonly port: number })[]
  /** Makes the peer call a server, everything once; resolves to what came of each call. */
  call(wire: Wire, port: number): Promise<unknown[]>
  stop(): Promise<void>
}

/**
 * Generates, builds and starts a peer; what was built is kept in the cache. A string says why it can't be had here.
 * `env` adds to the peer's environment; with `openTelemetry`, only for Java, its agent is in the peer.
 */
export async function startThriftPeer(
  language: Language,
  { env = {}, openTelemetry = false }: { env?: NodeJS.ProcessEnv; openTelemetry?: boolean } = {},
): Promise<ThriftPeer | string> {
  let command: string[]
  try {
    command = await COMMANDS[language]()
    if (openTelemetry) command.splice(1, 0, `-javaagent:${await openTelemetryAgent()}`)
  } catch (error) {
    const [line] = (error as Error).message.split('\n')
    return `no ${language} peer: needs ${NEEDS[language]} (${line})`
  }
  return start(command, env)
}

const NEEDS: Record<Language, string> = {
  python: 'thrift-compiler and python3-thrift',
  cpp: 'thrift-compiler, libthrift-dev, libboost-dev and g++',
  java: 'thrift-compiler, Java 17 and Maven',
}

const COMMANDS: Record<Language, () => Promise<string[]>> = {
  async python() {
    const python = await pythonWithThrift()
    const generated = await built('python', 'peer.py', ['thrift'], (into) => generate('py', into))
    return [python, `${SOURCES}peers/peer.py`, generated]
  },
  async cpp() {
    const folder = await built('cpp', 'peer.cpp', ['thrift', 'g++'], async (into) => {
      await generate('cpp:no_skeleton', into)
      const sources = [`${SOURCES}peers/peer.cpp`, `${into}/Service.cpp`, `${into}/service_types.cpp`]
      await run('g++', [
        '-O0',
        '-std=c++17',
        '-o',
        `${into}/peer`,
        '-I',
        into,
        ...sources,
        '-lthrift',
        '-pthread',
      ])
    })
    return [`${folder}/peer`]
  },
  async java() {
    const folder = await built('java', 'Peer.java', ['thrift', 'java'], async (into) => {
      await generate('java:generated_annotations=suppress', into)
      writeFileSync(`${into}/pom.xml`, pom())
      await mavenDependency('copy-dependencies', '-f', `${into}/pom.xml`, `-DoutputDirectory=${into}/lib`)
      const generated = ['Service', 'Nested', 'Leaf', 'Oops'].map((name) => `${into}/${name}.java`)
      const sources = [...generated, `${SOURCES}peers/Peer.java`]
      await run('javac', [
        '-proc:none',
        '-nowarn',
        '-cp',
        `${into}/lib/*`,
        '-d',
        `${into}/classes`,
        ...sources,
      ])
    })
    return ['java', '-XX:TieredStopAtLevel=1', '-cp', `${folder}/classes:${folder}/lib/*`, 'Peer']
  },
}

function generate(generator: string, into: string): Promise<unknown> {
  return run('thrift', ['--gen', generator, '-out', into, IDL])
}

/** A folder of the cache that belongs to these very sources. */
function built(
  language: Language,
  source: string,
  needs: readonly string[],
  build: (into: string) => Promise<unknown>,
): Promise<string> {
  const hash = createHash('sha256').update(LIBTHRIFT)
  for (const file of [IDL, `${SOURCES}peers/${source}`]) hash.update(readFileSync(file))
  const name = `thrift/${language}-${hash.digest('hex').slice(0, 12)}`
  return cached(name, async (into) => void (await build(into)), needs)
}

/** Debian's package is seen by Debian's Python alone, which need not be the first one. */
async function pythonWithThrift(): Promise<string> {
  const imports = 'from thrift.protocol import fastbinary'
  for (const python of ['python3', '/usr/bin/python3']) {
    const found = run(python, ['-c', imports]).then(
      () => true,
      () => false,
    )
    if (await found) return python
  }
  throw new Error('no Python here has the package thrift')
}

async function openTelemetryAgent(): Promise<string> {
  const artifact = `io.opentelemetry.javaagent:opentelemetry-javaagent:${OPENTELEMETRY}`
  const folder = await cached(`opentelemetry/${OPENTELEMETRY}`, (into) =>
    mavenDependency('copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${into}`),
  )
  return `${folder}/opentelemetry-javaagent-${OPENTELEMETRY}.jar`
}

function pom(): string {
  const us = '<groupId>tdist</groupId><artifactId>thrift-peer</artifactId><version>1</version>'
  const libthrift = `<groupId>org.apache.thrift</groupId><artifactId>libthrift</artifactId><version>${LIBTHRIFT}</version>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>${us}
    <dependencies><dependency>${libthrift}</dependency></dependencies></project>`
}

async function start([file, ...args]: string[], env: NodeJS.ProcessEnv): Promise<ThriftPeer> {
  const child = spawn(file!, args, {
    // It ends with its input, and so with this process.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
  })
  let complaints = ''
  child.stderr.on('data', (chunk) => (complaints = `${complaints}${chunk}`.slice(-4000)))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`the peer ended: ${complaints}`)
    return value
  }

  const servers: (Wire & { port: number })[] = []
  for (let line = await next(); line !== 'ready'; line = await next()) {
    const [processor, transport, protocol, port] = line.split(' ') as [
      Wire['processor'],
      string,
      string,
      string,
    ]
    servers.push({ processor, transport, protocol, port: Number(port) })
  }
  return {
    servers,
    async call({ processor, transport, protocol }, port) {
      child.stdin.write(`${processor} ${transport} ${protocol} ${port}\n`)
      const tooLong = setTimeout(() => child.kill('SIGKILL'), 60_000)
      const said = await next()
      clearTimeout(tooLong)
      return JSON.parse(said) as unknown[]
    },
    stop: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  // With its input closed an agent still sends its spans.
  child.stdin!.end()
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await exit
  clearTimeout(timer)
}
