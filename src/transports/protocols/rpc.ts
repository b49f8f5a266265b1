import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import type { Endpoint } from '../../codec/zipkin-span.ts'
import type { Extracted } from '../../propagation/propagation.ts'

/** A call as rules see it. */
export interface RpcRequest {
  /** The service's name in the interface; undefined where it is not known. */
  readonly service: string | undefined
  readonly method: string
}

/**
 * How remote procedure calls are traced, whatever carries them: a span is named `Service.method`, and a failure is the
 * exception's own name or message, never a status of the transport's.
 */
export class RpcHandler {
  readonly #tracing: ServiceTracing
  readonly #methodTag: string
  readonly #serviceTag: string

  /** `system` begins the names of tags: `thrift`. */
  constructor(tracing: ServiceTracing, system: string) {
    this.#tracing = tracing
    // Made once: a new string as a key is hashed each time.
    this.#methodTag = `${system}.method`
    this.#serviceTag = `${system}.service`
  }

  /**
   * Begins the CLIENT span of a call about to be made. Undefined when it is not to be traced: it is the publisher's
   * own.
   */
  start(request: RpcRequest, remote: Endpoint | undefined): ServiceSpan | undefined {
    const { dataManager, tracer } = this.#tracing
    if (dataManager.suppressed) return undefined
    const span = tracer.nextSpan('CLIENT')
    if (span.recording && remote !== undefined) span.remote(remote)
    return this.describe(span, request)
  }

  /** Begins the SERVER span of a call that has come. */
  receive(request: RpcRequest, extracted: Extracted | undefined): ServiceSpan {
    return this.describe(this.#tracing.tracer.fromRemote(extracted, 'SERVER'), request)
  }

  /**
   * Gives a span the name and tags of a call. It is the call's own span, or that of the HTTP request that brings it.
   */
  describe(span: ServiceSpan, { service, method }: RpcRequest): ServiceSpan {
    if (!span.recording) return span
    span.name(service === undefined ? method : `${service}.${method}`)
    span.tag(this.#methodTag, method)
    if (service !== undefined) span.tag(this.#serviceTag, service)
    return span
  }
}
