import type { Extracted } from '../../propagation/propagation.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'

/** What a messaging system's own rules are. */
export interface MessagingRules {
  /** Begins the names of tags: `kafka`. */
  readonly system: string
  readonly remoteServiceName: string
  readonly ignore: ((channel: string) => boolean) | undefined
  readonly sampler: ((channel: string, kind: 'PRODUCER' | 'CONSUMER') => boolean | undefined) | undefined
}

/**
 * How messages are traced, whatever carries them; the names are Brave's. What is sent is a PRODUCER span `send`, which
 * ends when the broker has answered. What comes is a CONSUMER span `receive`, a moment; the work on it is a local span
 * below that. A consumer never joins its producer's span: there may be many, and much later.
 */
export class MessagingHandler {
  readonly #tracing: ServiceTracing
  readonly #rules: MessagingRules
  readonly #channelTag: string

  constructor(tracing: ServiceTracing, rules: MessagingRules) {
    this.#tracing = tracing
    this.#rules = rules
    this.#channelTag = `${rules.system}.topic`
  }

  /** Whether the channel's messages are left alone. A rule that fails leaves none alone. */
  ignores(channel: string): boolean {
    const { ignore } = this.#rules
    return ignore !== undefined && this.#decide(() => ignore(channel)) === true
  }

  /**
   * The span of a message that is about to be sent: below the current span, else below what the message came with when
   * it is only passed on, else a new trace.
   */
  send(channel: string, forwarded: Extracted | undefined): ServiceSpan {
    const { dataManager, tracer } = this.#tracing
    const parent = dataManager.current
    const span = parent
      ? tracer.newChild(parent, 'PRODUCER')
      : tracer.fromRemote(forwarded, 'PRODUCER', this.#sample(channel, 'PRODUCER', forwarded))
    return this.#describe(span, 'send', channel)
  }

  /** The span of a message that has come. The caller finishes it when it has said all. */
  receive(channel: string | undefined, extracted: Extracted | undefined): ServiceSpan {
    const sampled = channel === undefined ? undefined : this.#sample(channel, 'CONSUMER', extracted)
    return this.#describe(this.#tracing.tracer.fromRemote(extracted, 'CONSUMER', sampled), 'receive', channel)
  }

  #describe(span: ServiceSpan, name: string, channel: string | undefined): ServiceSpan {
    if (!span.recording) return span
    span.name(name)
    if (channel !== undefined) span.tag(this.#channelTag, channel)
    span.remote({ serviceName: this.#rules.remoteServiceName })
    return span
  }

  #sample(
    channel: string,
    kind: 'PRODUCER' | 'CONSUMER',
    extracted: Extracted | undefined,
  ): boolean | undefined {
    const { sampler } = this.#rules
    if (sampler === undefined || extracted?.sampled !== undefined) return undefined
    return this.#decide(() => sampler(channel, kind))
  }

  #decide(rule: () => boolean | undefined): boolean | undefined {
    const where = `${this.#rules.system} rule`
    try {
      return this.#tracing.decision(where, rule())
    } catch (error) {
      this.#tracing.failed(where, error)
      return undefined
    }
  }
}
