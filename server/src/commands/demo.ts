import { once } from 'node:events'
import type { Command } from 'commander'
import { startLocalKinesis } from '../local-kinesis/local-kinesis.ts'
import { describe } from '../log.ts'
import { paint, terminalOf } from '../terminal/terminal.ts'
import { type DemoServices, startDemoServices } from './demo-services.ts'
import { DemoTraces } from './demo-traces.ts'
import { stopOnSignal } from './stop-signal.ts'
import { UsageError, wholeNumber } from './usage.ts'

interface DemoOptions {
  readonly requests?: number
  readonly kafka?: boolean
}

const STREAM = 'spans'
const PATHS = ['/products/7', '/cart/ann', '/checkout/ann']

const MORE = `
Starts shop, catalog and pricing in processes of their own. They call one another
with axios, undici and Thrift, and send their spans to a Kinesis inside this
process, where a collector shows each trace when it is complete. Without
--requests it stays up until Ctrl-C and says what to try. Everything is on
127.0.0.1.`

/** Adds the command `demo`: three traced services, and their traces as trees. */
export function demo(program: Command): void {
  program
    .command('demo')
    .description('Starts three traced services, and shows their traces as trees.')
    .option(
      '--requests <n>',
      'make this many requests, show their traces and end; the exit code is 0 when every trace is whole',
      wholeNumber(1, 100_000),
    )
    .option(
      '--kafka',
      'start a fourth service, audience, which hears from the shop by Kafka; needs KAFKA_BROKERS=host:port, ' +
        'with commas between several',
    )
    .addHelpText('after', MORE)
    .action(async (options: DemoOptions) => {
      process.exitCode = await run(options)
    })
}

async function run({ requests, kafka }: DemoOptions): Promise<number> {
  const brokers = kafka ? process.env['KAFKA_BROKERS'] : undefined
  if (kafka && !brokers) {
    throw new UsageError('--kafka needs a broker: set KAFKA_BROKERS to host:port')
  }
  const { stop, release } = stopOnSignal()
  // The reader of the traces has gone, as `head` does when it has enough.
  process.stdout.on('error', () => stop.abort())
  const kinesis = await startLocalKinesis({ streams: { [STREAM]: 2 } })
  const traces = new DemoTraces(STREAM, kinesis.endpoint)
  let services: DemoServices | undefined
  let broken: string | undefined
  try {
    services = await startDemoServices(STREAM, kinesis.endpoint, brokers)
    void services.broken.then((line) => {
      broken = line
      stop.abort()
    })
    if (requests === undefined) {
      await stayUp(services.shopUrl, stop.signal)
    } else {
      await makeRequests(services.shopUrl, requests, stop.signal)
      await traces.wait(requests, stop.signal)
    }
    await services.close()
    if (requests !== undefined) await traces.settle(stop.signal)
  } finally {
    await services?.close()
    await traces.close()
    await kinesis.close()
    release()
  }
  return traces.verdict(requests, broken)
}

async function stayUp(url: string, signal: AbortSignal): Promise<void> {
  const terminal = terminalOf(process.stdout)
  const curl = (path: string, what: string): string =>
    `  curl ${url}${path.padEnd(14)}  ${paint(terminal, 'dim', what)}\n`
  process.stdout.write(
    `Three services are up: shop calls catalog and pricing, catalog calls pricing. Try\n\n` +
      curl('/products/7', 'one call inside another, with axios and Thrift') +
      curl('/cart/ann', 'an N+1: a price for each item, with undici') +
      curl('/checkout/ann', 'a call that fails') +
      `\nThe first of each is made now. A trace is shown a second or two after its request. Ctrl-C ends it.\n\n`,
  )
  await makeRequests(url, PATHS.length, signal)
  if (!signal.aborted) await once(signal, 'abort')
}

async function makeRequests(url: string, count: number, signal: AbortSignal): Promise<void> {
  for (let i = 0; i < count && !signal.aborted; i++) await get(`${url}${PATHS[i % PATHS.length]}`)
}

async function get(url: string): Promise<void> {
  try {
    await (await fetch(url)).arrayBuffer()
  } catch (error) {
    const { cause } = error as Error
    throw new Error(`the demo's request failed: ${describe(cause ?? error)}`, { cause: error })
  }
}
