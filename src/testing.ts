import type { ZipkinSpan } from './codec/zipkin-span.ts'
import { tracingOf } from './tracing/create-tracing.ts'
import { LocalService } from './span/local-service.ts'
import type { Span } from './span/span.ts'
import { startTimer, stopTimer } from './host/timers.ts'
import type { TracingOptions } from './options/tracing-options.ts'
import { NOWHERE } from './tracing/service-tracing.ts'
import type { Tracing } from './tracing/tracing.ts'

/** A tracing whose finished spans are kept for a test to look at; nothing is sent. */
export interface TestTracing {
  readonly tracing: Tracing
  /** The spans finished and not yet taken, in the order they finished. */
  readonly spans: ZipkinSpan[]
  /**
   * Waits for the next `count` spans to finish, takes them out of {@link spans} and resolves to them, in that order.
   * Rejects after `timeoutMs` (default 2000), saying what came and what is still open.
   */
  take(count: number, timeoutMs?: number): Promise<ZipkinSpan[]>
  /**
   * Throws an Error that says what is wrong, unless every span that began has finished and been taken, none has
   * finished twice, none is current here, and tracing itself never failed. Call it after every test; it forgets all for
   * the next.
   */
  assertClean(): void
}

/**
 * Makes a {@link TestTracing}: `createTracing` with these options and a recorder for a span handler. Spans say of their
 * service only what `options` say, so that a test may compare all tags, on any machine.
 */
export function createTestTracing(options: Partial<TracingOptions> = {}): TestTracing {
  const spans: ZipkinSpan[] = []
  const open = new Set<Span>()
  let waiting: (() => void) | undefined
  const handler = options.spanHandler

  const recorded: TracingOptions = {
    serviceName: 'test',
    sender: NOWHERE,
    ...options,
    spanHandler: {
      begin(span) {
        open.add(span)
        handler?.begin?.(span)
      },
      end(data, error, span) {
        if (!open.delete(span)) throw new Error(`span ${data.name ?? ''} finished twice`)
        if (handler?.end?.(data, error, span) === false) return false
        spans.push(data)
        waiting?.()
        return false
      },
    },
  }
  const tracing = tracingOf(
    recorded,
    (name) => new LocalService(name, [options], false, options.maxTagLength),
  )

  return {
    tracing,
    spans,
    async take(count, timeoutMs = 2000) {
      if (spans.length < count) await arrival(count, timeoutMs)
      return spans.splice(0, count)
    },
    assertClean() {
      const faults = Object.entries(tracing.faults)
      const left = [
        ...[...open].map((span) => `span ${span.named ?? ''} was not finished`),
        ...spans.map((span) => `span ${span.name ?? ''} was not taken`),
        ...faults.map(([where, count]) => `${where} failed ${count} times`),
        ...(tracing.dataManager.current ? ['a span is current outside every scope'] : []),
      ]
      open.clear()
      spans.length = 0
      for (const [where] of faults) delete tracing.faults[where]
      if (left.length > 0) throw new Error(left.join('; '))
    },
  }

  function arrival(count: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = startTimer(() => {
        waiting = undefined
        const names = (list: (string | undefined)[]) =>
          list.map((name) => name ?? '(unnamed)').join(', ') || 'none'
        const finished = names(spans.map((span) => span.name))
        const unfinished = names([...open].map((span) => span.named))
        reject(new Error(`${count} spans expected; finished: ${finished}; still open: ${unfinished}`))
      }, timeoutMs)
      waiting = () => {
        if (spans.length < count) return
        stopTimer(timer)
        waiting = undefined
        resolve()
      }
    })
  }
}
