import http from 'node:http'
import { Collector } from '../collector/collector.ts'
import { KinesisSource } from '../collector/kinesis-source.ts'
import { pause } from '../collector/pause.ts'
import { TraceWindow } from '../collector/trace-window.ts'
import { startLocalKinesis } from '../local-kinesis/local-kinesis.ts'
import { traceTree } from '../storage/trace-tree.ts'
import { paint, terminalOf } from '../viewer/terminal.ts'
import { terminalTree } from '../viewer/terminal-tree.ts'
import { checkDemoPackages, type DemoServices, startDemoServices } from './demo-services.ts'
import { collectorText, counted, Progress } from './progress.ts'
import { stopOnSignal } from './stop-signal.ts'
import { parseOptions, UsageError, wholeNumber } from './usage.ts'

const HELP = `tdist demo: three traced services, and their traces as trees

  tdist demo [--requests N] [--kafka]

  --requests N      make N requests, show their traces, end; the exit code is 0 when every trace is whole
  --kafka           the shop tells a fourth service, audience, by Kafka what is looked at; needs kafkajs, and
                    KAFKA_BROKERS=host:port, with commas between several
  --help            this text

Starts shop, catalog and pricing in processes of their own. They call one another with axios, undici, fetch
and, where it is installed, thrift, and send their spans to a Kinesis inside this process, where a collector
shows each trace when it is complete. Without --requests it stays up until Ctrl-C and says what to try.
Everything is on 127.0.0.1.
`

const STREAM = 'spans'
const PATHS = ['/products/7', '/cart/ann', '/checkout/ann']
const POLL_MS = 250
/** All services are traced here, so each call's other half comes; a busy machine may take its time. */
const CALL_WAIT_MS = 25_000
const TRACES_MS = 60_000

/** `tdist demo`. Resolves to the exit code; rejects with a UsageError, or an error of one line. */
export async function demo(args: string[]): Promise<number> {
  const values = parseOptions('tdist demo', args, {
    requests: { type: 'string' },
    kafka: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const requests =
    values.requests === undefined ? undefined : wholeNumber('--requests', values.requests, 1, 100_000)
  const brokers = values.kafka ? process.env['KAFKA_BROKERS'] : undefined
  if (values.kafka && !brokers)
    throw new UsageError('--kafka needs a broker: set KAFKA_BROKERS to host:port; see tdist demo --help')
  checkDemoPackages(values.kafka)

  const { stop, release } = stopOnSignal()
  // Whoever read the traces has gone, as `head` does.
  process.stdout.on('error', () => stop.abort())
  const kinesis = await startLocalKinesis({ streams: { [STREAM]: 2 } })
  const show = new Show()
  const reading = show.read(kinesis.endpoint)
  let services: DemoServices | undefined
  try {
    services = await startDemoServices(STREAM, kinesis.endpoint, brokers)
    void services.broken.then((line) => {
      show.broken = line
      stop.abort()
    })
    if (requests === undefined) {
      await stayUp(services, stop.signal)
    } else {
      await makeRequests(services.shopUrl, requests, stop.signal)
      await show.waitForTraces(requests, stop.signal)
    }
    await services.close()
    if (requests !== undefined) await pause(2 * POLL_MS, stop.signal)
  } finally {
    await services?.close()
    await show.close(reading)
    await kinesis.close()
    release()
  }
  return show.verdict(requests)
}

/** Collects from the stream and prints; keeps the counts. */
class Show {
  broken: string | undefined
  readonly #terminal = terminalOf(process.stdout)
  readonly #stop = new AbortController()
  readonly #window = new TraceWindow({ callWaitMs: CALL_WAIT_MS, onTrace: (spans) => this.#print(spans) })
  readonly #collector = new Collector((spans) => this.#window.add(spans))
  readonly #sweeps = setInterval(() => this.#window.sweep(), 100)
  readonly #progress = new Progress(
    () => `${collectorText(this.#collector.metrics)}; ${counted(this.#traces, 'trace')}`,
  )
  #traces = 0
  #whole = 0
  #onTrace: () => void = () => {}

  async read(endpoint: string): Promise<void> {
    const options = { streamName: STREAM, endpoint, pollMs: POLL_MS }
    await new KinesisSource(options, (record) => this.#collector.accept(record)).run(this.#stop.signal)
  }

  async waitForTraces(count: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController()
    const stop = (): void => enough.abort()
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    this.#onTrace = () => {
      if (this.#traces >= count) stop()
    }
    this.#onTrace()
    await pause(TRACES_MS, enough.signal)
    signal.removeEventListener('abort', stop)
  }

  async close(reading: Promise<void>): Promise<void> {
    clearInterval(this.#sweeps)
    this.#stop.abort()
    await reading
    this.#window.close()
    this.#progress.stop()
  }

  /** Says the counts; the exit code, which is 0 only when every request asked for is a whole trace. */
  verdict(requests: number | undefined): number {
    const { messagesDropped, spansDropped, spans } = this.#collector.metrics
    const dropped = messagesDropped + spansDropped + this.#window.stats().ends.evicted
    const asked = requests === undefined ? '' : `${counted(requests, 'request')}, `
    this.#progress.say(
      `${asked}${counted(this.#traces, 'trace')}, ${counted(spans, 'span')}, dropped ${dropped}`,
    )
    if (this.broken) this.#progress.say(this.broken)
    if (this.#whole < this.#traces)
      this.#progress.say(`${counted(this.#traces - this.#whole, 'trace')} not whole`)
    if (requests === undefined) return this.broken ? 1 : 0
    const isRight = this.#traces === requests && this.#whole === requests && dropped === 0
    return isRight && !this.broken ? 0 : 1
  }

  #print(spans: Parameters<typeof traceTree>[0]): void {
    const tree = traceTree(spans)
    this.#traces++
    if (tree.whole) this.#whole++
    this.#progress.clear()
    process.stdout.write(`${terminalTree(tree, this.#terminal)}\n`)
    this.#onTrace()
  }
}

async function stayUp({ shopUrl: url, speaksThrift }: DemoServices, signal: AbortSignal): Promise<void> {
  const terminal = terminalOf(process.stdout)
  const curl = (path: string, what: string): string =>
    `  curl ${url}${path.padEnd(14)}  ${paint(terminal, 'dim', what)}\n`
  process.stdout.write(
    `Three services are up: shop calls catalog and pricing, catalog calls pricing. Try\n\n` +
      curl('/products/7', `one call inside another, with axios and ${speaksThrift ? 'Thrift' : 'fetch'}`) +
      curl('/cart/ann', 'an N+1: a price for each item, with undici') +
      curl('/checkout/ann', 'a call that fails') +
      `\nThe first of each is made now. A trace is shown a second or two after its request. Ctrl-C ends it.\n\n`,
  )
  await makeRequests(url, PATHS.length, signal)
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve()
    // A pending promise alone would not keep the process up.
    const alive = setInterval(() => {}, 60_000)
    signal.addEventListener('abort', () => {
      clearInterval(alive)
      resolve()
    })
  })
}

async function makeRequests(url: string, count: number, signal: AbortSignal): Promise<void> {
  for (let i = 0; i < count && !signal.aborted; i++) await get(`${url}${PATHS[i % PATHS.length]}`)
}

function get(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http
      .get(url, (response) => {
        response.on('end', resolve)
        response.resume()
      })
      .on('error', (error) =>
        reject(new Error(`the demo's request failed: ${error.message}`, { cause: error })),
      )
  })
}
