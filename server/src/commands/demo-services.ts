import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The demo's services while they run. */
export interface DemoServices {
  /** Where the shop is, the one that calls the others. */
  readonly shopUrl: string
  /** Resolves, with one line, as soon as a service ends by itself. */
  readonly broken: Promise<string>
  /** Ends all, each after its spans are sent. */
  close(): Promise<void>
}

/** Where a service listens. */
interface Address {
  readonly url: string
  readonly thriftPort?: number
}

const { resolve } = createRequire(import.meta.url)
const START_MS = 30_000
const END_MS = 5000

/**
 * Starts the three services, each in a process of its own with `tdist/register` before its own code, as a user would.
 * They end with this process, however it ends. With brokers there is a fourth, which hears from the shop by Kafka.
 * Rejects with one line when one does not start.
 */
export async function startDemoServices(
  stream: string,
  endpoint: string,
  brokers: string | undefined,
): Promise<DemoServices> {
  const children: ChildProcess[] = []
  let isClosing = false
  let reportBroken: (line: string) => void = () => {}
  const broken = new Promise<string>((resolve) => (reportBroken = resolve))

  const start = (name: string, env: Record<string, string>): Promise<Address> => {
    const child = fork(fileURLToPath(new URL(`./demo/${name}.js`, import.meta.url)), {
      execArgv: ['--import', pathToFileURL(resolve('tdist/register')).href],
      env: { ...ownEnvironment(name, stream, endpoint), ...env },
      // A terminal's Ctrl-C goes to the parent alone, which ends the services in order.
      detached: process.platform !== 'win32',
    })
    children.push(child)
    child.once('exit', (code, signal) => {
      if (!isClosing) reportBroken(`the demo's service ${name} ended by itself (${signal ?? `code ${code}`})`)
    })
    return address(child, name)
  }
  const close = async (): Promise<void> => {
    isClosing = true
    await Promise.all(children.map(endChild))
  }

  try {
    const { url: PRICING_URL, thriftPort } = await start('pricing', {})
    const { url: CATALOG_URL } = await start('catalog', { PRICING_THRIFT_PORT: String(thriftPort) })
    const kafka = brokers === undefined ? {} : { KAFKA_BROKERS: brokers }
    if (brokers !== undefined) await start('audience', kafka)
    const { url: shopUrl } = await start('shop', { PRICING_URL, CATALOG_URL, ...kafka })
    return { shopUrl, broken, close }
  } catch (error) {
    await close()
    throw error
  }
}

function address(child: ChildProcess, name: string): Promise<Address> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error(`the demo's service ${name} did not start`))
    const timer = setTimeout(fail, START_MS)
    child.once('exit', fail)
    child.once('exit', () => clearTimeout(timer))
    child.once('message', (message) => {
      clearTimeout(timer)
      resolve(message as Address)
    })
  })
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
  child.kill('SIGTERM')
  await exit
  clearTimeout(timer)
}

/** The environment without what would send the demo's calls or spans elsewhere. */
function ownEnvironment(serviceName: string, stream: string, endpoint: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(TDIST_|AWS_|KAFKA_BROKERS$|NODE_USE_ENV_PROXY$|(https?|all)_proxy$)/i.test(name),
  )
  return {
    ...Object.fromEntries(kept),
    TDIST_SERVICE_NAME: serviceName,
    TDIST_SENDER: 'kinesis',
    TDIST_KINESIS_STREAM: stream,
    TDIST_KINESIS_ENDPOINT: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'demo',
    AWS_SECRET_ACCESS_KEY: 'demo',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  }
}
