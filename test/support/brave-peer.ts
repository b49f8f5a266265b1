import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cached, mavenDependency } from './java-server.ts'
import { startKafkaPeer, type KafkaPeer } from './kafka-peer.ts'

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

/** Builds a Java service that Brave traces, once, and starts it. A string says why it can't be had here. */
export async function startBravePeer(brokers: readonly string[]): Promise<KafkaPeer | string> {
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
  return startKafkaPeer([
    'java',
    '-XX:TieredStopAtLevel=1',
    '-cp',
    `${folder}/classes:${folder}/lib/*`,
    'Peer',
    ...brokers,
  ])
}
