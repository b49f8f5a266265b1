import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ZipkinSpan } from 'tdist'
import { cached, mavenDependency } from './java-server.ts'

const SOURCE = fileURLToPath(new URL('../../../test/interop/brave/Peer.java', import.meta.url))
const BRAVE = '6.3.1'
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId>
  <artifactId>brave-peer</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>io.zipkin.brave</groupId>
      <artifactId>brave-instrumentation-kafka-clients</artifactId>
      <version>${BRAVE}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-clients</artifactId>
      <version>4.1.1</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`

/** A Java service that produces and consumes, traced by Brave. */
export interface BravePeer {
  /** Runs a command of Peer.java; resolves to the spans that were finished meanwhile. */
  run(command: string): Promise<ZipkinSpan[]>
  stop(): Promise<void>
}

/** Builds the peer, once, and starts it. A string says why it can't be had here. */
export async function startBravePeer(brokers: readonly string[]): Promise<BravePeer | string> {
  const hash = createHash('sha256').update(POM).update(readFileSync(SOURCE)).digest('hex')
  let folder: string
  try {
    folder = await cached(
      `brave/${hash.slice(0, 12)}`,
      async (into) => {
        writeFileSync(`${into}/pom.xml`, POM)
        await mavenDependency(
          'copy-dependencies',
          '-f',
          `${into}/pom.xml`,
          '-DincludeScope=runtime',
          `-DoutputDirectory=${into}/lib`,
        )
        const classes = ['-cp', `${into}/lib/*`, '-d', `${into}/classes`]
        await promisify(execFile)('javac', ['-proc:none', ...classes, SOURCE])
      },
      ['java', 'javac'],
    )
  } catch (error) {
    return `no Java peer: needs Java 17 and Maven (${(error as Error).message.split('\n')[0]})`
  }
  const classPath = ['-cp', `${folder}/classes:${folder}/lib/*`]
  const child = spawn('java', ['-XX:TieredStopAtLevel=1', ...classPath, 'Peer', brokers.join(',')], {
    // It ends with its input, and so with this process.
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (chunk) => (complaints = `${complaints}${chunk}`.slice(-4000)))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const until = async (end: string): Promise<string[]> => {
    const said: string[] = []
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 60_000)
    for (;;) {
      const { value, done } = await lines.next()
      if (done) throw new Error(`the peer ended: ${complaints}`)
      if (value === end) break
      said.push(value)
    }
    clearTimeout(tooLong)
    return said
  }
  await until('ready')
  return {
    async run(command) {
      child.stdin.write(`${command}\n`)
      return (await until('done')).map((line) => JSON.parse(line) as ZipkinSpan)
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
