import type { Span } from '../span/span.ts'

/** A request as rules see it, whatever library made it. */
export interface HttpRequest {
  readonly method: string
  /** The path of the URL, without the query. */
  readonly path: string
  /** The URL as the library has it, with the query: absolute for most clients, a path for a server. */
  readonly url: string
  /** The value of a header, by its name in upper or lower case; undefined when the request has none. */
  header(name: string): string | undefined
}

/** A response as rules see it, or the lack of one. */
export interface HttpResponse {
  readonly request: HttpRequest
  /** The status code; undefined when no response came. */
  readonly status: number | undefined
  /** The route's template, such as `/users/:id`; undefined when none is known. */
  readonly route: string | undefined
  /** What the request failed with; undefined when it did not. */
  readonly error: unknown
}

/** A service's own rules for the requests of one side. A rule that throws is counted as the fault `http rule`. */
export interface HttpRules {
  /**
   * Whether to record a trace that begins with this request. Undefined leaves that to the tracing's `sampler`. Not
   * asked where the trace has a decision already.
   */
  readonly sampler?: (request: HttpRequest) => boolean | undefined
  /** Called when a recorded span has begun: a place to name it or to add tags. */
  readonly request?: (request: HttpRequest, span: Span) => void
  /** Called when a recorded span is about to end, with the response or the lack of one. */
  readonly response?: (response: HttpResponse, span: Span) => void
}

/** Rules for HTTP, by side. */
export interface HttpOptions {
  /** For the requests that this service answers. */
  readonly server?: HttpRules
  /** For the requests that this service makes. */
  readonly client?: HttpRules
}
