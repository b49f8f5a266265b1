import type { DataManager } from '../context/data-manager.ts'
import type { Publisher } from '../publisher/publisher.ts'
import type { Tracer } from './tracer.ts'

/** A service's tracing, made by `createTracing`: what every `traceX(tracing, …)` takes. */
export interface Tracing {
  /** The service's name, as it is shown and searched for. */
  readonly serviceName: string
  /** Whether anything is traced. False when the options or the environment say so, and when the options were wrong. */
  readonly enabled: boolean
  readonly tracer: Tracer
  readonly dataManager: DataManager
  readonly propagation: Propagation
  /** The names of the headers that go with the trace. */
  readonly baggage: readonly string[]
  /** How the headers of messages are written and read. */
  readonly messagePropagation: Propagation
  readonly http: HttpOptions
  readonly kafka: KafkaOptions
  readonly thrift: ThriftOptions
  readonly publisher: Publisher
  /** How often tracing itself failed, by place. Each of those calls went on untraced. */
  readonly faults: Record<string, number> = {}
  /** By topic, how long the message that was handled last had been on its way, in milliseconds. */
  readonly messageDelays: Record<string, number> = Object.create(null) as Record<string, number>
  /** By place (`thrift server`), how many spans were ended for their age, because nothing else had ended them. */
  readonly endedByAge: Record<string, number> = {}
  readonly #unhook: () => void
  readonly #publishes: boolean
  readonly #service: LocalService
  readonly #statsd = new StatsdText()

  /** Use `createTracing`, which never throws. */
  constructor(options: TracingOptions, service: LocalService) {
    this.#service = service
    this.enabled = options.enabled ?? true
    this.dataManager = new DataManager()
    this.http = options.http ?? {}
    this.kafka = options.kafka ?? {}
    this.thrift = options.thrift ?? {}
    const formats = options.propagation ?? ['b3']
    this.baggage = options.baggage ?? []
    this.propagation = propagationOf(formats, this.baggage)
    this.messagePropagation = messagePropagationOf(formats, this.baggage)
    const outside = <T>(fn: () => T): T => this.dataManager.untraced(fn)
    const sender = this.enabled ? (options.sender ?? senderFromEnvironment()) : undefined
    const encoder = sender?.encoding === 'json' ? jsonEncoder : proto3Encoder
    this.publisher = sender
      ? new Publisher(sender, encoder, { ...options.publisher, outside })
      : new Publisher(NOWHERE, encoder)
    this.#publishes = sender !== undefined && sender !== NOWHERE
    this.#unhook = this.#publishes ? flushAtExit(this.publisher) : () => {}
    const handler = options.spanHandler
    this.tracer = new Tracer({
      dataManager: this.dataManager,
      sampler: options.sampler ?? always,
      sink: handler?.end
        ? { finished: this.#handled.bind(this, handler) }
        : { finished: (data, _error, _span, isLocalRoot) => this.#report(data, isLocalRoot) },
      service,
      traceId128: options.traceId128 ?? true,
      supportsJoin: options.supportsJoin ?? true,
      maxTagLength: options.maxTagLength ?? 256,
      enabled: this.enabled,
      begin: handler?.begin ? this.#begin.bind(this, handler) : () => {},
      decision: this.decision.bind(this),
      failed: this.failed.bind(this),
    })
  }

  /** The service's name. */
  get serviceName(): string {
    return this.#service.name
  }

  /** Sends what is queued; resolves when it is sent or the deadline (default 2000 ms) is over. Never rejects. */
  async flush(deadlineMs = 2000): Promise<void> {
    try {
      await this.publisher.flush(deadlineMs)
    } catch (error) {
      this.failed('flush', error)
    }
  }

  /** Flushes, then stops for good: later spans are counted as dropped. */
  async close(deadlineMs = 2000): Promise<void> {
    try {
      this.#unhook()
      await this.publisher.close(deadlineMs)
    } catch (error) {
      this.failed('close', error)
    }
  }

  /**
   * What became of all spans, and how often tracing itself failed, as text. `prometheus` (the default): the answer to a
   * scrape. `graphite`: lines for Carbon's plaintext port. `statsd`: lines for a StatsD socket; counters are increments
   * since the last call, so call it from one place. `prefix` begins the names of the last two, by default
   * `tdist.<service>`. Never throws; returns an empty string when it fails.
   */
  metrics(format: 'prometheus' | 'graphite' | 'statsd' = 'prometheus', prefix?: string): string {
    try {
      if (format === 'graphite') return graphiteText(this, prefix)
      if (format === 'statsd') return this.#statsd.text(this, prefix)
      return prometheusText(this)
    } catch (error) {
      this.failed('metrics', error)
      return ''
    }
  }

  /** Counts a failure of tracing itself, and says so on standard error, once a minute at most for each place. */
  failed(where: string, error: unknown): void {
    try {
      this.faults[where] = (this.faults[where] ?? 0) + 1
      warn(`fault:${where}`, `${where} failed and the call went on untraced: ${describe(error)}`)
    } catch {
      // There is nobody left to tell.
    }
  }

  /**
   * Checks what a rule of the service's answered: true, false or undefined. Anything else is a fault, and undefined.
   */
  decision(where: string, answer: unknown): boolean | undefined {
    if (typeof answer === 'boolean' || answer === undefined) return answer
    this.watch(where, answer)
    const what = types.isPromise(answer) ? 'a promise' : describe(answer)
    this.failed(where, new TypeError(`it answered ${what}; answer true or false`))
    return undefined
  }

  /**
   * Takes what a hook of the service's returned. When that is a promise, its rejection is counted: it must not end the
   * process.
   */
  watch(where: string, result: unknown): void {
    if (types.isPromise(result)) result.catch((error: unknown) => this.failed(where, error))
  }

  #begin(handler: SpanHandler, span: Span): void {
    try {
      this.watch('spanHandler.begin', handler.begin!(span))
    } catch (error) {
      this.failed('spanHandler.begin', error)
    }
  }

  #handled(handler: SpanHandler, data: ZipkinSpan, error: unknown, span: Span, isLocalRoot: boolean): void {
    const shared = isLocalRoot ? this.#rootTags() : undefined
    try {
      if (shared) addShared(shared, data.tags!)
      const result = handler.end!(data, error, span)
      if (result === false) return
      this.watch('spanHandler.end', result)
    } catch (fault) {
      this.failed('spanHandler.end', fault)
    }
    this.#report(data, false)
  }

  #rootTags(): SharedTags | undefined {
    try {
      return this.#service.rootTags
    } catch (error) {
      this.failed('service tags', error)
      return undefined
    }
  }

  #report(data: ZipkinSpan, isLocalRoot: boolean): void {
    try {
      if (!this.#publishes) return
      this.publisher.report(data, isLocalRoot ? this.#rootTags() : undefined)
    } catch (error) {
      this.failed('publisher', error)
    }
  }
}
