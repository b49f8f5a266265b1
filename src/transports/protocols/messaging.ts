import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import type { Extracted } from '../../propagation/propagation.ts'
import { decide } from '../../tracing/decide.ts'

/** What the handler must know of a messaging system, and the service's rules for it. */
export interface MessagingRules {
  /** What the names of its tags begin with: `kafka`. */
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
  /** Where a rule's fault is counted. */
  readonly #ruleName: string

  constructor(tracing: ServiceTracing, rules: MessagingRules) {
    this.#tracing = tracing
    this.#rules = rules
    this.#channelTag = `${rules.system}.topic`
    this.#ruleName = `${rules.system} rule`
  }

  /** Whether the messages of a channel (a topic) are left alone. No message is where the rule fails. */
  ignores(channel: string): boolean {
    const { ignore } = this.#rules
    return ignore !== undefined && decide(this.#tracing, this.#ruleName, () => ignore(channel)) === true
  }

  /**
   * The PRODUCER span of a message that is about to be sent: below the current span, else below the context that the
   * message brought when it is only passed on, else the root of a new trace.
   */
  send(channel: string, forwarded: Extracted | undefined): ServiceSpan {
    const { dataManager, tracer } = this.#tracing
    const parent = dataManager.current
    const span = parent
      ? tracer.newChild(parent, 'PRODUCER')
      : tracer.fromRemote(forwarded, 'PRODUCER', this.#sample(channel, 'PRODUCER', forwarded))
    return this.#describe(span, 'send', channel)
  }

  /** The CONSUMER span of a message that has come. The caller finishes it, once it has its tags. */
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
    return decide(this.#tracing, this.#ruleName, () => sampler(channel, kind))
  }
}
