import type { Endpoint } from '../../codec/zipkin-span.ts'
import type { Extracted } from '../../propagation/propagation.ts'
import type { Span } from '../../span/span.ts'
import type { Tracing } from '../../tracing/tracing.ts'

/** A call, as rules see it. */
export interface RpcRequest {
  /** As the interface names it; undefined where nobody said. */
  readonly service: string | undefined
  readonly method: string
}

/**
 * How remote procedure calls are traced, whatever carries them: a span is named `Service.method`, and a failure is the
 * exception's own name or message, never a status of the transport's.
 */
export class RpcHandler {
  readonly #tracing: Tracing
  readonly #methodTag: string
  readonly #serviceTag: string

  /** `system` begins the names of tags: `thrift`. */
  constructor(tracing: Tracing, system: string) {
    this.#tracing = tracing
    // Made once: a new string as a key is hashed each time.
    this.#methodTag = `${system}.method`
    this.#serviceTag = `${system}.service`
  }

  /** The span of a call that is about to be made; undefined when it is not to be traced: the publisher's own. */
  start(request: RpcRequest, remote: Endpoint | undefined): Span | undefined {
    const { dataManager, tracer } = this.#tracing
    if (dataManager.suppressed) return undefined
    const span = tracer.nextSpan('CLIENT')
    if (span.recording && remote !== undefined) span.remote(remote)
    return this.describe(span, request)
  }

  /** The span of a call that has come. */
  receive(request: RpcRequest, extracted: Extracted | undefined): Span {
    return this.describe(this.#tracing.tracer.fromRemote(extracted, 'SERVER'), request)
  }

  /** Says of a span which call it is: its own, or that of the HTTP request that brings it. */
  describe(span: Span, { service, method }: RpcRequest): Span {
    if (!span.recording) return span
    span.name(service === undefined ? method : `${service}.${method}`)
    span.tag(this.#methodTag, method)
    if (service !== undefined) span.tag(this.#serviceTag, service)
    return span
  }
}
