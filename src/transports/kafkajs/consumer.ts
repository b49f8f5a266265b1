import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import { guarded } from '../../host/guarded.ts'
import type { Extracted } from '../../propagation/propagation.ts'
import { openMessage, readTrace, type Incoming, type KafkaMessage } from './messages.ts'
import type { KafkaOptions } from '../../options/kafka-options.ts'
import { Arrival } from '../protocols/message-arrival.ts'
import { delayOf, noteDelay } from '../protocols/message-delay.ts'
import type { MessagingHandler } from '../protocols/messaging.ts'
import { listStandIn, picked, standIn } from '../hooks/stand-in.ts'

type Handler = (this: unknown, payload: never) => unknown
type Tags = Record<string, string | number>

interface EachMessage {
  readonly topic: string
  readonly partition: number
  readonly message: KafkaMessage
}

interface EachBatch {
  readonly batch: {
    readonly topic: string
    readonly partition: number
    readonly messages: readonly KafkaMessage[]
  }
}

/** What a handler is called with, and how its work begins. */
interface HandlerInput<Payload> {
  /** The payload as the handler would get it without tracing: out of its envelope, whatever becomes of the trace. */
  readonly payload: Payload
  /** Begins the work. Undefined when the topic is ignored: the payload is left as it came. */
  readonly begin: () => StartedWork | undefined
}

/** The work of a handler, as it begins. */
interface StartedWork {
  /** The CONSUMER span that the work goes below; undefined where several came together. */
  readonly span: ServiceSpan | undefined
  readonly tags: Tags | undefined
}

/** Traces the handlers of one consumer. */
export class TracedHandlers {
  readonly #tracing: ServiceTracing
  readonly #handler: MessagingHandler
  readonly #options: KafkaOptions

  constructor(tracing: ServiceTracing, handler: MessagingHandler, options: KafkaOptions) {
    this.#tracing = tracing
    this.#handler = handler
    this.#options = options
  }

  /** The arguments of `run`, with the handlers among them traced. */
  in(args: readonly unknown[]): readonly unknown[] {
    return guarded('kafka consumer', () => this.#in(args), args, this.#tracing)
  }

  #in(args: readonly unknown[]): readonly unknown[] {
    const config = args[0] as { eachMessage?: Handler; eachBatch?: Handler } | undefined
    if (typeof config !== 'object' || config === null) return args
    const own = picked(config, ['eachMessage', 'eachBatch'])
    if (typeof own.eachMessage === 'function') own.eachMessage = this.#eachMessage(own.eachMessage)
    if (typeof own.eachBatch === 'function') own.eachBatch = this.#eachBatch(own.eachBatch)
    return [standIn(config, own), ...args.slice(1)]
  }

  /** A handler of single messages: each is worked on below the span of its own arrival. */
  #eachMessage(original: Handler): Handler {
    return this.#traced(original, (payload: EachMessage) => {
      const incoming = this.#incoming(payload.message)
      const { message, enclosed } = incoming
      return {
        payload: enclosed ? standIn(payload, { message }) : payload,
        begin: () => {
          const { topic } = payload
          if (this.#handler.ignores(topic)) return undefined
          noteDelay(this.#tracing.messageDelays, topic, message.timestamp)
          return { span: this.#read(incoming, payload).arrival().span, tags: undefined }
        },
      }
    })
  }

  /**
   * A handler of batches. As in Brave one CONSUMER span stands for all messages with one context, and one for all
   * without a context. The work goes below that span when there is one, and is a trace of its own when there are
   * several.
   */
  #eachBatch(original: Handler): Handler {
    return this.#traced(original, (payload: EachBatch) => {
      const { batch } = payload
      const incoming = batch.messages.map((message) => this.#incoming(message))
      const begin = (): StartedWork | undefined =>
        this.#handler.ignores(batch.topic) ? undefined : this.#beginBatch(payload, incoming)
      if (this.#options.carrier !== 'payload') return { payload, begin }
      const messages = incoming.map(({ message }) => message)
      const opened = standIn(batch, { messages: listStandIn(batch.messages, messages) })
      return { payload: standIn(payload, { batch: opened }), begin }
    })
  }

  #beginBatch(payload: EachBatch, incoming: readonly Incoming[]): StartedWork {
    const { batch } = payload
    const arrivals = new Map<string, Arrival>()
    const traceIds = new Set<string>()
    let recorded = 0
    for (const one of incoming) {
      const { extracted, arrival } = this.#read(one, batch)
      const context = extracted?.context
      const key = context ? context.traceId + context.spanId : String(extracted?.sampled)
      let known = arrivals.get(key)
      if (known === undefined) {
        arrivals.set(key, (known = arrival()))
        if (context) traceIds.add(context.traceId)
        // What is not recorded, or is over the limit, gets its span when somebody asks for it.
        if (extracted?.sampled !== false && ++recorded <= this.#maxSpans) void known.span
      }
      known.of(one.message)
    }
    noteDelay(this.#tracing.messageDelays, batch.topic, incoming.at(-1)?.message.timestamp)
    const [only] = arrivals.values()
    return {
      span: arrivals.size === 1 ? only!.span : undefined,
      tags: incoming.length > 1 ? this.#tagsOf(payload, traceIds, recorded) : undefined,
    }
  }

  get #maxSpans(): number {
    return this.#options.maxSpansPerBatch ?? 500
  }

  /** A handler, traced. It runs outside the scope of whoever called `run`: its messages do not belong there. */
  #traced<Payload>(original: Handler, prepare: (payload: Payload) => HandlerInput<Payload>): Handler {
    const tracing = this.#tracing
    const { dataManager, tracer } = tracing
    return function (payload: Payload, ...rest: unknown[]) {
      let given = payload
      let begun: StartedWork | undefined
      try {
        const input = prepare(payload)
        given = input.payload
        begun = input.begin()
        if (begun === undefined) given = payload
      } catch (error) {
        tracing.failed('kafka consumer', error)
      }
      if (begun === undefined) return dataManager.apply(undefined, original, this, [given, ...rest])
      const { span, tags } = begun
      return dataManager.run(span, () => {
        return tracer.apply('process', tags && { tags }, original, this, [given, ...rest])
      })
    }
  }

  #incoming(message: KafkaMessage): Incoming {
    return this.#options.carrier === 'payload' ? openMessage(message) : { message, enclosed: undefined }
  }

  /** The trace that a message tells of, and how to note that the message came. */
  #read(
    incoming: Incoming,
    { topic, partition }: { readonly topic: string; readonly partition: number },
  ): { extracted: Extracted | undefined; arrival: () => Arrival } {
    const { message } = incoming
    const extracted = readTrace(incoming, this.#tracing.messagePropagation)
    const receive = (): ServiceSpan => {
      const span = this.#handler.receive(topic, extracted)
      if (!span.recording) return span
      span.tag('kafka.partition', partition)
      if (message.offset !== undefined) span.tag('kafka.offset', message.offset)
      const delay = delayOf(message.timestamp)
      if (delay !== undefined) span.tag('kafka.delay_ms', delay)
      return span
    }
    const arrival = (): Arrival => {
      const one = new Arrival(this.#tracing, receive)
      one.of(message)
      return one
    }
    return { extracted, arrival }
  }

  #tagsOf({ batch }: EachBatch, traceIds: ReadonlySet<string>, recorded: number): Tags {
    const { topic, partition, messages } = batch
    const tags: Tags = {
      'kafka.topic': topic,
      'kafka.partition': partition,
      'kafka.batch.size': messages.length,
      'kafka.batch.first_offset': messages[0]!.offset ?? '',
      'kafka.batch.last_offset': messages.at(-1)!.offset ?? '',
    }
    if (traceIds.size > 1) tags['kafka.batch.traces'] = [...traceIds].slice(0, 7).join(' ')
    if (recorded > this.#maxSpans) tags['kafka.batch.spans_left_out'] = recorded - this.#maxSpans
    return tags
  }
}
