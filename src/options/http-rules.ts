import type { Span } from '../span/span.ts'

/** A request as rules see it, whatever library made it. */
export interface HttpRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** As it stands in the request: with the query; absolute where the library's is. */
  readonly url: string
  header(name: string): string | undefined
}

/** A response, or the lack of one. */
export interface HttpResponse {
  readonly request: HttpRequest
  /** Undefined when none came. */
  readonly status: number | undefined
  /** The route's template; undefined when none is known. */
  readonly route: string | undefined
  readonly error: unknown
}

/** One side's own rules. A rule that throws is counted and passed over. */
export interface HttpRules {
  /** Decides for a trace that begins with this request; undefined leaves it to the tracing's sampler. */
  readonly sampler?: (request: HttpRequest) => boolean | undefined
  /** Adds to the span when the request is known. */
  readonly request?: (request: HttpRequest, span: Span) => void
  /** Adds to the span when the response is known. */
  readonly response?: (response: HttpResponse, span: Span) => void
}

/** What is asked and told of every request, by side. */
export interface HttpOptions {
  /** Of requests that this service is asked. */
  readonly server?: HttpRules
  /** Of requests that it makes. */
  readonly client?: HttpRules
}
