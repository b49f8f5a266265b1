import { types } from 'node:util'
import { jsonEncoder } from '../codec/json.ts'
import { proto3Encoder } from '../codec/proto3.ts'
import { addShared, type SharedTags } from '../codec/shared-tags.ts'
import { ServiceDataManager } from '../context/service-data-manager.ts'
import { senderFromEnvironment } from './environment.ts'
import type { LocalService } from '../span/local-service.ts'
import { describe, warn } from '../host/log.ts'
import { messagePropagationOf, propagationOf } from '../propagation/composite.ts'
import type { Propagation } from '../propagation/propagation.ts'
import { flushAtExit } from '../host/flush-at-exit.ts'
import { graphiteText, StatsdText } from '../metrics/graphite.ts'
import { prometheusText } from '../metrics/prometheus.ts'
import { ServicePublisher } from '../publisher/service-publisher.ts'
import type { Sender } from '../publisher/senders/sender.ts'
import { always } from '../sampling/sampler.ts'
import type { ServiceSpan } from '../span/service-span.ts'
import type { SpanHandler } from '../span/span.ts'
import type { ZipkinSpan } from '../codec/zipkin-span.ts'
import { ServiceTracer } from './service-tracer.ts'
import type { Tracing } from './tracing.ts'
import type { HttpOptions } from '../options/http-rules.ts'
import type { TracingOptions } from '../options/tracing-options.ts'
import type { KafkaOptions } from '../options/kafka-options.ts'
import type { ThriftOptions } from '../options/thrift-options.ts'

/** Stands in where there is no sender; nothing is reported then. */
export const NOWHERE: Sender = {
  encoding: 'proto3',
  maxRecordBytes: 1024,
  maxRecords: 1,
  maxCallBytes: 1024,
  send: () => Promise.resolve(),
}

/** What every instrumentation needs, in one object. What users may know of it is {@link Tracing}. */
export class ServiceTracing implements Tracing {
  readonly enabled: boolean
  readonly tracer: ServiceTracer
  readonly dataManager: ServiceDataManager
  readonly propagation: Propagation
  /** The names of the header fields that are carried along. */
  readonly baggage: readonly string[]
  /** What is written to and read from messages. */
  readonly messagePropagation: Propagation
  readonly http: HttpOptions
  readonly kafka: KafkaOptions
  readonly thrift: ThriftOptions
  readonly publisher: ServicePublisher
  readonly faults: Record<string, number> = {}
  readonly messageDelays: Record<string, number> = Object.create(null) as Record<string, number>
  readonly endedByAge: Record<string, number> = {}
  readonly #unhook: () => void
  readonly #publishes: boolean
  readonly #service: LocalService
  readonly #statsd = new StatsdText()

  /** Use `createTracing`, which never throws. */
  constructor(options: TracingOptions, service: LocalService) {
    this.#service = service
    this.enabled = options.enabled ?? true
    this.dataManager = new ServiceDataManager()
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
      ? new ServicePublisher(sender, encoder, { ...options.publisher, outside })
      : new ServicePublisher(NOWHERE, encoder)
    this.#publishes = sender !== undefined && sender !== NOWHERE
    this.#unhook = this.#publishes ? flushAtExit(this.publisher) : () => {}
    const handler = options.spanHandler
    this.tracer = new ServiceTracer({
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

  get serviceName(): string {
    return this.#service.name
  }

  async flush(deadlineMs = 2000): Promise<void> {
    try {
      await this.publisher.flush(deadlineMs)
    } catch (error) {
      this.failed('flush', error)
    }
  }

  async close(deadlineMs = 2000): Promise<void> {
    try {
      this.#unhook()
      await this.publisher.close(deadlineMs)
    } catch (error) {
      this.failed('close', error)
    }
  }

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

  failed(where: string, error: unknown): void {
    try {
      this.faults[where] = (this.faults[where] ?? 0) + 1
      warn(`fault:${where}`, `${where} failed and the call went on untraced: ${describe(error)}`)
    } catch {
      // There is nobody left to tell.
    }
  }

  /** A yes or no that the service was asked for. Anything else is a fault, and no answer. */
  decision(where: string, answer: unknown): boolean | undefined {
    if (typeof answer === 'boolean' || answer === undefined) return answer
    this.watch(where, answer)
    const what = types.isPromise(answer) ? 'a promise' : describe(answer)
    this.failed(where, new TypeError(`it answered ${what}; answer true or false`))
    return undefined
  }

  /** Takes what a hook returned. Nobody waits for a promise, and its rejection must not end the process. */
  watch(where: string, result: unknown): void {
    if (types.isPromise(result)) result.catch((error: unknown) => this.failed(where, error))
  }

  #begin(handler: SpanHandler, span: ServiceSpan): void {
    try {
      this.watch('spanHandler.begin', handler.begin!(span))
    } catch (error) {
      this.failed('spanHandler.begin', error)
    }
  }

  #handled(
    handler: SpanHandler,
    data: ZipkinSpan,
    error: unknown,
    span: ServiceSpan,
    isLocalRoot: boolean,
  ): void {
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
