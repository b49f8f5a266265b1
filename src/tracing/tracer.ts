import { types } from 'node:util'
import { epochMicros, newClock, ticks, type Clock } from '../host/clock.ts'
import type { Endpoint, Kind, ZipkinSpan } from '../codec/zipkin-span.ts'
import type { DataManager } from '../context/data-manager.ts'
import { TraceContext, type Extra } from '../span/trace-context.ts'
import { decide } from './decide.ts'
import { failed } from '../host/faults.ts'
import { guarded } from '../host/guarded.ts'
import { keepSignature } from '../host/keep-signature.ts'
import { newSpanId, newTraceId } from '../span/ids.ts'
import type { Extracted } from '../propagation/propagation.ts'
import type { Sampler } from '../sampling/sampler.ts'
import { whenSettled } from '../host/when-settled.ts'
import { Recording, Span, type SpanSink } from '../span/span.ts'

export interface TracerSettings {
  readonly dataManager: DataManager
  readonly sampler: Sampler
  readonly sink: SpanSink
  /** Whose endpoint is in every span, asked for when a span starts. */
  readonly service: { readonly endpoint: Endpoint }
  readonly traceId128: boolean
  readonly supportsJoin: boolean
  readonly maxTagLength: number
  readonly enabled: boolean
  /** A span that records has started. */
  readonly begin: (span: Span) => void
  /** What a sampler's answer means; undefined when it is no answer. */
  readonly decision: (where: string, answer: unknown) => boolean | undefined
  readonly failed: (where: string, error: unknown) => void
}

/** What a local span starts with. */
export interface SpanOptions {
  readonly tags?: Readonly<Record<string, string | number | boolean>>
}

// Tags with no prototype: a tag named `__proto__` is a tag like any other.
const Tags = function () {} as unknown as new () => Record<string, string>
Tags.prototype = Object.create(null)

/** The span that a function is given where none could be made. */
const NOTHING = new Span(new TraceContext('0'.repeat(32), '0'.repeat(16), undefined, false), undefined)

/** Makes spans, and runs functions in them. */
export class Tracer {
  readonly #settings: TracerSettings

  constructor(settings: TracerSettings) {
    this.#settings = settings
  }

  /** The span that the running code belongs to, for `.tag()`, `.annotate()`, `.error()`; undefined outside any span. */
  get currentSpan(): Span | undefined {
    try {
      return this.#settings.dataManager.current
    } catch (error) {
      failed('tracer', error)
      return undefined
    }
  }

  /**
   * Runs `fn` in a local span, and returns what it returns. An error that it throws, or that the promise it
   * returns rejects with, is tagged and passed on as it is. The span ends when `fn` returns, or when its promise
   * settles; a thenable that is no promise (a query builder) is left alone, so await it inside an async `fn`.
   */
  trace<T>(name: string, fn: (span: Span) => T): T
  trace<T>(name: string, options: SpanOptions, fn: (span: Span) => T): T
  trace<T>(name: string, options: SpanOptions | ((span: Span) => T), fn?: (span: Span) => T): T {
    return typeof options === 'function'
      ? this.apply(name, undefined, options, undefined, undefined)
      : this.apply(name, options, fn!, undefined, undefined)
  }

  /**
   * Returns a function that runs `fn` in a local span each time it is called. `this`, arguments, result, name and
   * length are those of `fn`.
   */
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
    let span: Span | undefined
    let parent: Span | undefined
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

  #local(name: string, options: SpanOptions | undefined): Span {
    const span = this.nextSpan(undefined)
    span.name(name)
    if (options?.tags) {
      for (const key in options.tags) span.tag(key, options.tags[key]!)
    }
    return span
  }

  /** A child of the current span, or the root of a new trace. `sampled` decides for a new trace when given. */
  nextSpan(kind: Kind | undefined, sampled?: boolean): Span {
    const parent = this.#settings.dataManager.current
    return parent ? this.newChild(parent, kind) : this.newTrace(kind, sampled)
  }

  /** The root of a new trace. */
  newTrace(kind: Kind | undefined, sampled?: boolean, debug = false, extra?: Extra): Span {
    const { traceId128 } = this.#settings
    const traceId = newTraceId(traceId128)
    // As in Zipkin's own tracers a root's span ID is the low half of its trace ID.
    const spanId = traceId128 ? traceId.slice(16) : traceId
    const decision = debug || (sampled ?? isSampled(this.#settings, traceId))
    return this.#start(
      new TraceContext(traceId, spanId, undefined, decision, debug, false, extra),
      kind,
      true,
    )
  }

  /** A child of a span of this process. */
  newChild(parent: Span, kind: Kind | undefined): Span {
    const context = this.#childOf(parent.context, parent.context.sampled)
    return this.#start(context, kind, kind === 'SERVER' || kind === 'CONSUMER', parent.clock)
  }

  /**
   * The span of a request or message that came with `extracted`: the caller's own when it may be joined, else a child,
   * else a root. `sampled` decides where the caller left it open.
   */
  fromRemote(extracted: Extracted | undefined, kind: Kind, sampled?: boolean): Span {
    if (!extracted) return this.newTrace(kind, sampled)
    const { context } = extracted
    if (!context) return this.newTrace(kind, extracted.sampled ?? sampled, extracted.debug, extracted.extra)
    const { supportsJoin } = this.#settings
    const decision = context.sampled ?? sampled ?? isSampled(this.#settings, context.traceId)
    const { traceId, spanId, parentId, debug } = context
    const own =
      kind === 'SERVER' && supportsJoin && extracted.joinable
        ? new TraceContext(traceId, spanId, parentId, decision, debug, true, extracted.extra)
        : this.#childOf(context, decision)
    return this.#start(own, kind, true)
  }

  #childOf(parent: TraceContext, sampled: boolean | undefined): TraceContext {
    return new TraceContext(
      parent.traceId,
      newSpanId(),
      parent.spanId,
      sampled,
      parent.debug,
      false,
      parent.extra,
    )
  }

  /** `rootClock`: the clock of the local root, where that still runs. */
  #start(context: TraceContext, kind: Kind | undefined, isLocalRoot: boolean, rootClock?: Clock): Span {
    const { enabled, service, sink, maxTagLength, begin } = this.#settings
    if (!enabled || context.sampled !== true) return new Span(context, undefined)
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
    const span = new Span(context, new Recording(data, clock, sink, maxTagLength, isLocalRoot))
    begin(span)
    return span
  }
}

function isSampled(settings: TracerSettings, traceId: string): boolean {
  return decide(settings, 'sampler', () => settings.sampler.isSampled(traceId)) ?? false
}
