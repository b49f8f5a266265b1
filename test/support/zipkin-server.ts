import { freePorts } from './free-ports.ts'
import { cached, mavenDependency, startJava } from './java-server.ts'

const VERSION = '3.6.1'
const JAR = `zipkin-server-${VERSION}-exec.jar`

/** A real Zipkin server, for as long as a test suite needs it. */
export interface ZipkinServer {
  readonly url: string
  stop(): Promise<void>
}

export interface ZipkinServerOptions {
  /** Collects the topic `zipkin` of these brokers too. */
  readonly kafkaBrokers?: readonly string[] | undefined
}

/**
 * The server that `ZIPKIN_URL` names, or one started here from Maven's jar (fetched once). A string says why there is
 * none: then the suite is skipped, or fails with `CI=true`.
 */
export async function startZipkinServer({ kafkaBrokers }: ZipkinServerOptions = {}): Promise<
  ZipkinServer | string
> {
  const named = process.env['ZIPKIN_URL']
  if (named) return { url: named.replace(/\/$/, ''), stop: async () => {} }
  let folder: string
  try {
    folder = await cached(`zipkin/${VERSION}`, (into) =>
      mavenDependency(
        'copy',
        `-Dartifact=io.zipkin:zipkin-server:${VERSION}:jar:exec`,
        `-DoutputDirectory=${into}`,
      ),
    )
  } catch (error) {
    return `no Zipkin server: needs ZIPKIN_URL, or Java 17 and Maven (${(error as Error).message.split('\n')[0]})`
  }
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const java = await startJava(
    [
      '-Xmx256m',
      '-XX:TieredStopAtLevel=1',
      '-jar',
      `${folder}/${JAR}`,
      '--armeria.ports[0].ip=127.0.0.1',
      `--armeria.ports[0].port=${port}`,
      '--armeria.ports[0].protocols[0]=http',
    ],
    kafkaBrokers ? { KAFKA_BOOTSTRAP_SERVERS: kafkaBrokers.join(',') } : {},
    async () => (await fetch(`${url}/health`)).ok,
  )
  return { url, stop: () => java.kill() }
}
