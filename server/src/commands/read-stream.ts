import { Collector, type SpanSink } from '../collector/collector.ts'
import { KinesisSource, type KinesisSourceOptions } from '../collector/sources/kinesis/kinesis-source.ts'
import { collectorText, Progress, sourceText } from './progress.ts'

/** Where spans go from the collector. */
export interface Destination {
  readonly take: SpanSink
  /** What became of them, in words. */
  text(): string
  /** Ends it, and says how many spans it took and could not deliver. */
  close(): Promise<number>
}

/** A stream being read into a destination, and the line on standard error that says how far it has come. */
export class StreamReading {
  readonly progress: Progress
  readonly #destination: Destination
  readonly #collector: Collector
  readonly #source: KinesisSource

  constructor(options: KinesisSourceOptions, destination: Destination) {
    this.#destination = destination
    this.#collector = new Collector(destination.take)
    this.#source = new KinesisSource({ ...options, onNote: (line) => this.progress.say(line) }, (record) =>
      this.#collector.accept(record),
    )
    this.progress = new Progress(() => `${sourceText(this.#source.stats())}; ${this.text()}`)
  }

  /** What came, what was lost of it, and what became of the rest. */
  text(): string {
    return `${collectorText(this.#collector.metrics)}; ${this.#destination.text()}`
  }

  /** How many records could not be read, and how many spans were lost on their way to the destination. */
  get dropped(): number {
    const { messagesDropped, spansDropped } = this.#collector.metrics
    return messagesDropped + spansDropped
  }

  /** How many spans have come. */
  get spans(): number {
    return this.#collector.metrics.spans
  }

  /** Resolves when all is read, or `signal` aborts; rejects with one line. */
  run(signal: AbortSignal): Promise<void> {
    return this.#source.run(signal)
  }

  /** Delivers what is held, and says how many spans were lost. */
  async close(): Promise<number> {
    const undelivered = await this.#destination.close()
    this.progress.stop()
    return undelivered + this.#collector.metrics.spansDropped
  }
}
