import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { copyWithFaultPoints, type FaultPoint } from './fault-points.ts'
import type { Reached, Trial, Verdict } from './faulty-process.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const copy = `${root}build/faults`
const PROCESSES = 2
/** What is not tried, for it cannot be guarded. */
const UNGUARDED = [
  // Nothing in these can fail but what they call: the host's own function, or ours that is tried itself.
  'context/bind-emitter.js bindEmitter > bound > run',
  'context/service-data-manager.js ServiceDataManager > run',
  'context/service-data-manager.js ServiceDataManager > apply',
  'context/service-data-manager.js ServiceDataManager > bind > bound',
  'tracing/assume-ours.js assumeOurs',
  'tracing/service-tracer.js ServiceTracer > trace',
  'tracing/service-tracer.js ServiceTracer > #wrapped > wrapped',
  'transports/axios/axios.js tracedInstance > in calling()',
  'transports/hooks/calling.js calling > apply',
  'transports/http-clients/client-calls.js callsTracedBy',
  'transports/undici/fetch.js traceFetch > in tracedOnce() > in calling()',
  'transports/kafkajs/consumer.js TracedHandlers > #traced > anonymous > in run()',
  'transports/kafkajs/producer.js TracedSends > send',
  'transports/kafkajs/producer.js TracedSends > sendBatch',
  'transports/kafkajs/serializers.js tracingDeserializer',
  'transports/kafkajs/serializers.js tracingSerializer',
  'transports/kafkajs/serializers.js wrapped > wrap > in calling()',
  'transports/kafkajs/kafkajs.js traceKafka > in tracedOnce() > consumer',
  'transports/kafkajs/kafkajs.js traceKafka > in tracedOnce() > producer',
  'transports/kafkajs/kafkajs.js traceConsumer > in tracedOnce() > run',
  'transports/kafkajs/kafkajs.js traceProducer > in tracedOnce() > tracedSends > send',
  'transports/kafkajs/kafkajs.js traceProducer > in tracedOnce() > tracedSends > sendBatch',
  'transports/protocols/message-arrival.js runWithMessage',
  'transports/protocols/message-arrival.js runWithMessage > in run()',
  'transports/node-http/client.js getBy > anonymous',
  'transports/node-http/client.js traced > request',
  'transports/hooks/override-methods.js overrideMethods > get',
  'transports/hooks/override-methods.js overrideMethods > shown',
  'propagation/thrift-field.js isTraceField',
  'propagation/thrift-field.js readField',
  'transports/thrift/client-protocol.js clientProtocol > none',
  'transports/thrift/end-of-input.js isAtEnd',
  'transports/thrift/protocol.js extended > Extended',
  'transports/thrift/processor.js scoped > get',
  'transports/thrift/processor.js scoped > get > run',
  'transports/thrift/processor.js scoped > get > value',
  'transports/thrift/processor.js scoped > get > value > anonymous',
  'transports/thrift/server-call.js ThriftServerCall > span',
  'transports/thrift/server-protocol.js reading > readMessageBegin',
  'transports/thrift/server-protocol.js reading > readStructBegin',
  'transports/thrift/server-protocol.js reading > readStructEnd',
  'transports/thrift/server-protocol.js reading > readFieldBegin',
  'transports/thrift/server-protocol.js reading > readMessageEnd',
  'transports/thrift/server-protocol.js writing > writeMessageBegin',
  'transports/thrift/server-protocol.js writing > writeMessageBegin > anonymous',
  'transports/thrift/server-protocol.js writing > writeStructBegin',
  'transports/thrift/server-protocol.js writing > writeStructEnd',
  'transports/thrift/server-protocol.js writing > writeFieldBegin',
  'transports/thrift/server-protocol.js writing > writeMessageEnd',
  'transports/undici/undici.js tracedDispatcher > in calling()',
  'transports/undici/undici.js tracedDispatcher > traced',
  'transports/undici/handler.js TracedHandler > onConnect',
  'transports/undici/handler.js TracedHandler > onRequestSent',
  'transports/undici/handler.js TracedHandler > onResponseStarted',
  'transports/undici/handler.js TracedHandler > onHeaders',
  'transports/undici/handler.js TracedHandler > onData',
  'transports/undici/handler.js TracedHandler > onComplete',
  // What a service calls before it has a tracing, and what says no to a wrong argument by throwing.
  'publisher/senders/http-sender.js httpSender',
  'publisher/senders/http-sender.js readUrl',
  'publisher/senders/http-pool.js HttpPool > constructor',
  'sampling/sampler.js sampleRate',
]
/** What takes a Kafka value out of its envelope: where this fails the service has to see the envelope. */
const OPENS = [
  'propagation/frame/frame-fields.js readBaggage',
  'propagation/frame/frame-fields.js readFields',
  'propagation/hex-id.js isHexId',
  'propagation/hex-id.js scanHex',
  'propagation/frame/kafka-envelope.js open',
  'propagation/frame/trace-frame.js contextAt',
  'propagation/frame/trace-frame.js decodeTraceFrame',
  'propagation/frame/trace-frame.js frameLength',
  'propagation/frame/trace-frame.js idsLength',
  'propagation/frame/trace-frame.js isFrameStart',
  'propagation/frame/trace-frame.js said',
  'transports/kafkajs/consumer.js TracedHandlers > #eachBatch',
  'transports/kafkajs/consumer.js TracedHandlers > #eachBatch > in #traced()',
  'transports/kafkajs/consumer.js TracedHandlers > #eachBatch > in #traced() > in map()',
  'transports/kafkajs/consumer.js TracedHandlers > #eachMessage',
  'transports/kafkajs/consumer.js TracedHandlers > #eachMessage > in #traced()',
  'transports/kafkajs/consumer.js TracedHandlers > #incoming',
  'transports/kafkajs/consumer.js TracedHandlers > #traced',
  'transports/kafkajs/consumer.js TracedHandlers > #traced > anonymous',
  'transports/kafkajs/consumer.js TracedHandlers > constructor',
  'transports/kafkajs/consumer.js TracedHandlers > #in',
  'transports/kafkajs/consumer.js TracedHandlers > in > in guarded()',
  'transports/kafkajs/messages.js openMessage',
  'transports/kafkajs/serializers.js tracingDeserializer > in wrapped()',
  'transports/kafkajs/kafkajs.js traceConsumer > in tracedOnce()',
  'transports/hooks/stand-in.js isPlain',
  'transports/hooks/stand-in.js picked',
  'transports/hooks/stand-in.js plainCopy',
  'transports/hooks/stand-in.js spread',
  'transports/hooks/stand-in.js standIn',
]

describe('a fault in any function of ours', () => {
  let points: FaultPoint[]
  let reached: Reached[]
  const children: ChildProcess[] = []

  before(async () => {
    points = copyWithFaultPoints(`${root}build/src`, copy)
    for (let i = 0; i < PROCESSES; i++) {
      children.push(fork(new URL('faulty-process.js', import.meta.url), [copy], { execArgv: [] }))
    }
    await Promise.all(children.map((child) => answer<'ready'>(child)))
    reached = await ask<Reached[]>(children[0]!, 'reach')
  })
  after(() => children.forEach((child) => child.disconnect()))

  it('is tried in hundreds of them', () => {
    for (const { wiring, setup, requests } of reached) {
      assert.ok(new Set([...setup, ...requests]).size > 100, wiring)
    }
  })

  it('changes no response and is counted', async (t) => {
    const left = trials()
    assert.ok(left.length > 100)
    const changed: string[] = []
    const work = async (child: ChildProcess): Promise<void> => {
      for (let trial = left.shift(); trial; trial = left.shift()) {
        const { changes, counted, reached: wasReached } = await ask<Verdict>(child, trial)
        const { name: at, line } = points[trial.point]!
        const name = `${at} (line ${line}), ${trial.kind}, ${trial.wiring}`
        if (!wasReached) t.diagnostic(`reached once only, and not tried: ${name}`)
        if (wasReached && !counted && trial.from === 'requests' && isCounted(at))
          changed.push(`${name}: is not counted`)
        const unopened =
          OPENS.includes(at) && changes.every((change) => /^messages[^:]*: HTTP\S+ 200/.test(change))
        if (changes.length > 0 && !unopened)
          changed.push(`${name}: ${changes[0]!.split('\r\n', 1)[0]!.split('\n', 1)[0]!}`)
      }
    }
    await Promise.all(children.map(work))
    assert.deepEqual(changed, [])
  })

  /** Each kind of fault in each function that is reached, from the start and from the first request. */
  function trials(): Trial[] {
    return reached.flatMap(({ wiring, setup, requests }) => {
      const of = (from: Trial['from'], numbers: readonly number[]): Trial[] =>
        numbers
          .filter((point) => !UNGUARDED.includes(points[point]!.name))
          .flatMap((point) => points[point]!.kinds.map((kind) => ({ point, kind, wiring, from })))
      return [...of('requests', requests), ...of('setup', setup)]
    })
  }
})

/** Whether a fault in here is to be counted as the tracing's: what the publisher loses it accounts for as spans. */
function isCounted(name: string): boolean {
  if (name.endsWith('DataManager > untraced')) return false
  return /^(context|propagation|transports|host\/clock|span\/(ids|service-span|trace-context)|tracing\/service-tracer)[/.]/.test(
    name,
  )
}

async function ask<Answer>(child: ChildProcess, question: Trial | 'reach'): Promise<Answer> {
  const answered = answer<Answer>(child)
  child.send(question)
  return answered
}

async function answer<Answer>(child: ChildProcess): Promise<Answer> {
  const ended = new AbortController()
  const gone = once(child, 'exit', { signal: ended.signal }).then(() => {
    throw new Error('the process of the service ended')
  })
  const [message] = (await Promise.race([once(child, 'message'), gone])) as [Answer]
  ended.abort()
  gone.catch(() => {})
  return message
}
