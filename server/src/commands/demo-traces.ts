import { pause } from '../collector/sources/kinesis/pause.ts'
import { counted } from '../terminal/counted.ts'
import { StreamReading } from './read-stream.ts'
import { drawTrace, TraceOutput } from './trace-output.ts'

const POLL_MS = 250
/** All services are traced here, so each call's other half comes; a busy machine may take its time. */
const CALL_WAIT_MS = 25_000
const TRACES_MS = 60_000

/** The traces of the demo's services: reads them from the stream, draws and counts them. */
export class DemoTraces {
  readonly #output: TraceOutput
  readonly #reading: StreamReading
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  #traces = 0
  #whole = 0
  #onTrace: () => void = () => {}

  constructor(streamName: string, endpoint: string) {
    const write = (text: string): void => {
      this.#reading.progress.clear()
      process.stdout.write(text)
    }
    this.#output = new TraceOutput({ callWaitMs: CALL_WAIT_MS }, (spans, end) => {
      this.#traces++
      if (drawTrace(spans, end, write)) this.#whole++
      this.#onTrace()
    })
    this.#reading = new StreamReading({ streamName, endpoint, pollMs: POLL_MS }, this.#output)
    this.#ended = this.#reading.run(this.#stop.signal)
  }

  /** Resolves when so many traces have been shown, a minute is over, or `signal` aborts. */
  async wait(count: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController()
    this.#onTrace = () => {
      if (this.#traces >= count) enough.abort()
    }
    this.#onTrace()
    await pause(TRACES_MS, AbortSignal.any([enough.signal, signal]))
  }

  /** Waits for spans that nobody expects. */
  settle(signal: AbortSignal): Promise<void> {
    return pause(2 * POLL_MS, signal)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#ended
    await this.#reading.close()
  }

  /** Says the counts; the exit code, which is 0 only when every request asked for is a whole trace. */
  verdict(requests: number | undefined, broken: string | undefined): number {
    const { progress, spans } = this.#reading
    const dropped = this.#reading.dropped + this.#output.evicted
    const asked = requests === undefined ? '' : `${counted(requests, 'request')}, `
    progress.say(`${asked}${counted(this.#traces, 'trace')}, ${counted(spans, 'span')}, dropped ${dropped}`)
    if (broken) progress.say(broken)
    if (this.#whole < this.#traces) progress.say(`${counted(this.#traces - this.#whole, 'trace')} not whole`)
    if (requests === undefined) return broken ? 1 : 0
    return this.#traces === requests && this.#whole === requests && dropped === 0 && !broken ? 0 : 1
  }
}
