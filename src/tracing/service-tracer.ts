import { types } from 'node:util'
import { epochMicros, newClock, ticks, type Clock } from '../host/clock.ts'
import type { Endpoint, Kind, ZipkinSpan } from '../codec/zipkin-span.ts'
import type { ServiceDataManager } from '../context/service-data-manager.ts'
import { traceContext, type TraceContext, type Extra } from '../span/trace-context.ts'
import { decide } from './decide.ts'
import { failed } from '../host/faults.ts'
import { guarded } from '../host/guarded.ts'
import { keepSignature } from '../host/keep-signature.ts'
import { newSpanId, newTraceId } from '../span/ids.ts'
import type { Extracted } from '../propagation/propagation.ts'
import type { Sampler } from '../sampling/sampler.ts'
import { whenSettled } from '../host/when-settled.ts'
import { Recording, ServiceSpan, type SpanSink } from '../span/service-span.ts'
import type { SpanOptions, Tracer } from './tracer.ts'

export interface TracerSettings {
  readonly dataManager: ServiceDataManager
  readonly sampler: Sampler
  readonly sink: SpanSink
  /** Whose endpoint is in every span, asked for when a span starts. */
  readonly service: { readonly endpoint: Endpoint }
  readonly traceId128: boolean
  readonly supportsJoin: boolean
  readonly maxTagLength: number
  readonly enabled: boolean
  /** A span that records has started. */
  readonly begin: (span: ServiceSpan) => void
  /** What a sampler's answer comes to; undefined when it is none. */
  readonly decision: (where: string, answer: unknown) => boolean | undefined
  readonly failed: (where: string, error: unknown) => void
}

// Tags with no prototype: a tag named `__proto__` is a tag like any other.
const Tags = function () {} as unknown as new () => Record<string, string>
Tags.prototype = Object.create(null)

/** What a function is given where no span could be made for it. */
const NOTHING = new ServiceSpan(traceContext('0'.repeat(32), '0'.repeat(16), undefined, false), undefined)

/** Makes spans, and runs functions in them. What users may know of it is {@link Tracer}. */
export class ServiceTracer implements Tracer {
  readonly #settings: TracerSettings

  constructor(settings: TracerSettings) {
    this.#settings = settings
  }

  get currentSpan(): ServiceSpan | undefined {
    try {
      return this.#settings.dataManager.current
    } catch (error) {
      failed('tracer', error)
      return undefined
    }
  }

  trace<T>(name: string, fn: (span: ServiceSpan) => T): T
  trace<T>(name: string, options: SpanOptions, fn: (span: ServiceSpan) => T): T
  trace<T>(
    name: string,
    options: SpanOptions | ((span: ServiceSpan) => T),
    fn?: (span: ServiceSpan) => T,
  ): T {
    return typeof options === 'function'
      ? this.apply(name, undefined, options, undefined, undefined)
      : this.apply(name, options, fn!, undefined, undefined)
  }

  wrap<F extends (...args: never[]) => unknown>(name: string, fn: F): F {
    return guarded('tracer', () => this.#wrapped(name, fn), fn)
  }

  /**
   * As `Reflect.apply`, in a local span: for what wraps functions. Without `args` the span is the one argument. `fn`
   * is called once, whatever fails in here.
   */
  apply<T>(
    name: string,
    options: SpanOptions | undefined,
    fn: (...args: never[]) => T,
    self: unknown,
    args: readonly unknown[] | undefined,
  ): T {
    let span: ServiceSpan | undefined
    let parent: ServiceSpan | undefined
    try {
      parent = this.#settings.dataManager.current
      // Nothing below a span that is not sampled is recorded, so its children need no IDs of their own.
      if (parent === undefined || parent.context.sampled !== false) span = this.#local(name, options)
    } catch (error) {
      failed('tracer', error)
    }
    if (span === undefined) return Reflect.apply(fn, self, args ?? [parent ?? NOTHING]) as T
    let result: T
    try {
      result = this.#settings.dataManager.apply(span, fn, self, args ?? [span])
    } catch (error) {
      span.error(error).finish()
      throw error
    }
    try {
      if (types.isPromise(result)) {
        return whenSettled(
          result,
          () => span.finish(),
          (error) => span.error(error).finish(),
        ) as T
      }
      span.finish()
    } catch (error) {
      failed('tracer', error)
    }
    return result
  }

  #wrapped<F extends (...args: never[]) => unknown>(name: string, fn: F): F {
    const run = this.apply.bind(this)
    const wrapped = function (this: unknown, ...args: Parameters<F>) {
      return run(name, undefined, fn, this, args)
    }
    return keepSignature(wrapped, fn) as unknown as F
  }

  #local(name: string, options: SpanOptions | undefined): ServiceSpan {
    const span = this.nextSpan(undefined)
    span.name(name)
    if (options?.tags) {
      for (const key in options.tags) span.tag(key, options.tags[key]!)
    }
    return span
  }

  /** A child of the current span, or the root of a new trace. `sampled` decides for a new trace when given. */
  nextSpan(kind: Kind | undefined, sampled?: boolean): ServiceSpan {
    const parent = this.#settings.dataManager.current
    return parent ? this.newChild(parent, kind) : this.newTrace(kind, sampled)
  }

  /** The root of a new trace. */
  newTrace(kind: Kind | undefined, sampled?: boolean, debug = false, extra?: Extra): ServiceSpan {
    const { traceId128 } = this.#settings
    const traceId = newTraceId(traceId128)
    // As in Zipkin's own tracers a root's span ID is the low half of its trace ID.
    const spanId = traceId128 ? traceId.slice(16) : traceId
    const decision = debug || (sampled ?? isSampled(this.#settings, traceId))
    return this.#start(traceContext(traceId, spanId, undefined, decision, debug, false, extra), kind, true)
  }

  /** A child of a span of this process. */
  newChild(parent: ServiceSpan, kind: Kind | undefined): ServiceSpan {
    const context = this.#childOf(parent.context, parent.context.sampled)
    return this.#start(context, kind, kind === 'SERVER' || kind === 'CONSUMER', parent.clock)
  }

  /**
   * The span of a request or message that came with `extracted`: the caller's own when it may be joined, else a child, else a
   * root. `sampled` decides where the caller left it open.
   */
  fromRemote(extracted: Extracted | undefined, kind: Kind, sampled?: boolean): ServiceSpan {
    if (!extracted) return this.newTrace(kind, sampled)
    const { context } = extracted
    if (!context) return this.newTrace(kind, extracted.sampled ?? sampled, extracted.debug, extracted.extra)
    const { supportsJoin } = this.#settings
    const decision = context.sampled ?? sampled ?? isSampled(this.#settings, context.traceId)
    const { traceId, spanId, parentId, debug } = context
    const own =
      kind === 'SERVER' && supportsJoin && extracted.joinable
        ? traceContext(traceId, spanId, parentId, decision, debug, true, extracted.extra)
        : this.#childOf(context, decision)
    return this.#start(own, kind, true)
  }

  #childOf(parent: TraceContext, sampled: boolean | undefined): TraceContext {
    return traceContext(
      parent.traceId,
      newSpanId(),
      parent.spanId,
      sampled,
      parent.debug,
      false,
      parent.extra,
    )
  }

  /** `rootClock` is the local root's, where that still runs. */
  #start(
    context: TraceContext,
    kind: Kind | undefined,
    isLocalRoot: boolean,
    rootClock?: Clock,
  ): ServiceSpan {
    const { enabled, service, sink, maxTagLength, begin } = this.#settings
    if (!enabled || context.sampled !== true) return new ServiceSpan(context, undefined)
    const at = ticks()
    const clock = rootClock ?? newClock(at)
    const data: ZipkinSpan = {
      traceId: context.traceId,
      id: context.spanId,
      parentId: context.parentId,
      kind,
      name: undefined,
      timestamp: epochMicros(clock, at),
      duration: undefined,
      localEndpoint: service.endpoint,
      remoteEndpoint: undefined,
      annotations: undefined,
      tags: new Tags(),
      debug: context.debug || undefined,
      shared: context.shared || undefined,
    }
    const span = new ServiceSpan(context, new Recording(data, clock, sink, maxTagLength, isLocalRoot))
    begin(span)
    return span
  }
}

function isSampled(settings: TracerSettings, traceId: string): boolean {
  return decide(settings, 'sampler', () => settings.sampler.isSampled(traceId)) ?? false
}
