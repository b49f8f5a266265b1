import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import type { Span } from '../../span/span.ts'

const arrivals = new WeakMap<object, Arrival>()

/** The arrival of a message, or of several with one context. Its CONSUMER span is made when it is first asked for. */
export class Arrival {
  readonly tracing: ServiceTracing
  readonly #receive: () => ServiceSpan
  #span: ServiceSpan | undefined

  constructor(tracing: ServiceTracing, receive: () => ServiceSpan) {
    this.tracing = tracing
    this.#receive = receive
  }

  /**
   * The CONSUMER span. It is finished when it is made, for an arrival is a moment. The work on the message goes below
   * it.
   */
  get span(): ServiceSpan {
    if (this.#span === undefined) {
      this.#span = this.#receive()
      this.#span.finish()
    }
    return this.#span
  }

  /** Notes that `message` came by this arrival. */
  of(message: object): void {
    arrivals.set(message, this)
  }
}

/**
 * Runs `fn` in a local span `name` that belongs to the trace a message came with, and returns what it returns: for the
 * messages of a batch, and for what is done with one after its handler has ended. `message` is what a traced consumer's
 * handler was given, or what a `tracingDeserializer` made. `fn` is called plainly when it is neither.
 */
export function runWithMessage<T>(message: object, name: string, fn: (span: Span) => T): T {
  const arrival = arrivals.get(message)
  const span = arrival && spanOf(arrival)
  if (span === undefined) return (fn as () => T)()
  const { dataManager, tracer } = arrival!.tracing
  return dataManager.run(span, () => tracer.trace(name, fn))
}

function spanOf(arrival: Arrival): ServiceSpan | undefined {
  try {
    return arrival.span
  } catch (error) {
    arrival.tracing.failed('message', error)
    return undefined
  }
}
