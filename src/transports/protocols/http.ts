import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import type { Endpoint } from '../../codec/zipkin-span.ts'
import type { HttpRequest, HttpRules } from '../../options/http-rules.ts'
import type { Setter } from '../../propagation/propagation.ts'
import { decide } from '../../tracing/decide.ts'
import { endpoint } from './endpoint.ts'

/** How the requests of a library are read: one object a library, not one a request. */
export interface HttpReader<Request> {
  readonly method: (request: Request) => string
  readonly url: (request: Request) => string
  /** `name` comes in lower case. */
  readonly header: (request: Request, name: string) => string | undefined
}

/** The annotation of a call whose reader wanted no more of the response: nothing has failed. */
export const ABANDONED = 'response abandoned'

/** Begins and ends the spans of the requests that a server answers. */
export class HttpServerHandler<Request> {
  readonly #ruleSet: HttpRuleSet<Request>
  readonly #tracing: ServiceTracing
  readonly #reader: HttpReader<Request>

  constructor(tracing: ServiceTracing, reader: HttpReader<Request>) {
    this.#ruleSet = new HttpRuleSet(tracing, reader, tracing.http.server ?? {})
    this.#tracing = tracing
    this.#reader = reader
  }

  /** Begins the span of a request that has come. `remote` is the other end of its socket. */
  receive(request: Request, remote: Endpoint | undefined): ServiceSpan {
    const { propagation, tracer } = this.#tracing
    const extracted = propagation.extract(request, this.#reader.header)
    const sampled = extracted?.sampled === undefined ? this.#ruleSet.sample(request) : undefined
    const span = tracer.fromRemote(extracted, 'SERVER', sampled)
    if (span.recording) {
      const forwarded = this.#reader.header(request, 'x-forwarded-for')
      span.remote((forwarded && endpoint(forwarded.split(',', 1)[0]!.trim())) || remote)
      this.#ruleSet.begin(request, span)
    }
    return span
  }

  /**
   * Ends the span: the response is out, or never will be (`status` undefined). Names the span by its route. The route
   * is undefined where the server has no routing, and empty where it has routes and none took the request.
   */
  send(
    span: ServiceSpan,
    request: Request,
    status: number | undefined,
    route: string | undefined,
    error?: unknown,
  ): void {
    this.#ruleSet.end(request, span, status, route, error)
  }
}

/** Begins and ends the spans of the calls that a client makes. */
export class HttpClientHandler<Request> {
  readonly #ruleSet: HttpRuleSet<Request>
  readonly #tracing: ServiceTracing
  readonly #reader: HttpReader<Request>

  constructor(tracing: ServiceTracing, reader: HttpReader<Request>) {
    this.#ruleSet = new HttpRuleSet(tracing, reader, tracing.http.client ?? {})
    this.#tracing = tracing
    this.#reader = reader
  }

  /**
   * Begins the span of a call that is about to be made, and writes its context to `carrier`. Undefined when the call is
   * not to be traced: it is the publisher's own, the inner call of a client that is traced already, or it only opens a
   * tunnel for another call.
   */
  start<Carrier>(request: Request, carrier: Carrier, set: Setter<Carrier>): ServiceSpan | undefined {
    const { dataManager, propagation, tracer } = this.#tracing
    if (dataManager.suppressed || this.#reader.method(request) === 'CONNECT') return undefined
    const span = tracer.nextSpan('CLIENT', dataManager.current ? undefined : this.#ruleSet.sample(request))
    if (span.recording) this.#ruleSet.begin(request, span)
    try {
      propagation.inject(span.context, carrier, set)
    } catch (error) {
      // The span has begun, so it goes on, and the call does.
      this.#tracing.failed('inject', error)
    }
    return span
  }

  /** Ends the span: the response is here, or never will be (`status` undefined). */
  receive(span: ServiceSpan, request: Request, status: number | undefined, error?: unknown): void {
    this.#ruleSet.end(request, span, status, undefined, error)
  }
}

/** What both sides share: the names, tags and errors of their spans, and the service's rules for one side. */
class HttpRuleSet<Request> {
  readonly #tracing: ServiceTracing
  readonly #reader: HttpReader<Request>
  readonly #rules: HttpRules

  constructor(tracing: ServiceTracing, reader: HttpReader<Request>, rules: HttpRules) {
    this.#tracing = tracing
    this.#reader = reader
    this.#rules = rules
  }

  sample(request: Request): boolean | undefined {
    const { sampler } = this.#rules
    return sampler && decide(this.#tracing, 'http rule', () => sampler(this.#portable(request)))
  }

  begin(request: Request, span: ServiceSpan): void {
    const method = this.#reader.method(request)
    span.name(method)
    span.tag('http.method', method)
    span.tag('http.path', pathOf(this.#reader.url(request)))
    const rule = this.#rules.request
    if (rule) this.#tell(() => rule(this.#portable(request), span))
  }

  end(
    request: Request,
    span: ServiceSpan,
    status: number | undefined,
    matched: string | undefined,
    error: unknown,
  ): void {
    if (!span.recording) return
    const method = this.#reader.method(request)
    // A route, like a name, that the service gave stays.
    const route = span.tagged('http.route') ?? matched
    if (route && route === matched) span.tag('http.route', route)
    if (span.named === method && route !== undefined) span.name(nameOf(method, status, route))
    if (status !== undefined && (status < 200 || status > 299)) span.tag('http.status_code', status)
    if (error !== undefined) span.error(error)
    else if (status !== undefined && status > 399 && !span.failed) span.tag('error', status)
    const rule = this.#rules.response
    if (rule)
      this.#tell(() =>
        rule({ request: this.#portable(request), status, route: route || undefined, error }, span),
      )
    span.finish()
  }

  #tell(rule: () => void): void {
    try {
      this.#tracing.watch('http rule', rule())
    } catch (error) {
      this.#tracing.failed('http rule', error)
    }
  }

  #portable(request: Request): HttpRequest {
    const reader = this.#reader
    const url = reader.url(request)
    return {
      method: reader.method(request),
      path: pathOf(url),
      url,
      header: (name) => reader.header(request, name.toLowerCase()),
    }
  }
}

/**
 * The name of a span where the server has routes. A raw path never becomes a name, so there are few names whatever the
 * paths. The names `not_found` and `redirected` are Brave's.
 */
function nameOf(method: string, status: number | undefined, route: string): string {
  if (route) return `${method} ${route}`
  if (status === 404) return `${method} not_found`
  if (status !== undefined && status >= 300 && status < 400 && status !== 304) return `${method} redirected`
  return method
}

/** The path of a request target: no query, and no scheme and host where the target is absolute. */
export function pathOf(url: string): string {
  let start = 0
  if (url.charCodeAt(0) !== 47) {
    const scheme = url.indexOf('://')
    if (scheme !== -1) start = url.indexOf('/', scheme + 3)
    if (start === -1) return '/'
  }
  let end = url.length
  for (let i = start; i < end; i++) {
    const char = url.charCodeAt(i)
    if (char === 63 || char === 35) end = i
  }
  return url.slice(start, end) || '/'
}
