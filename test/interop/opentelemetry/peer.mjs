// A service that OpenTelemetry traces, with the commands of ../brave/Peer.java. Argument: the brokers.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { context, SpanKind, trace } from '@opentelemetry/api'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import {
  NodeTracerProvider,
  ParentBasedSampler,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'

let sampled = true
const root = {
  shouldSample: () => ({
    decision: sampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
  }),
}
const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { traceId, spanId: id } = span.spanContext()
      const parentId = span.parentSpanContext?.spanId
      const kind = SpanKind[span.kind]
      console.log(JSON.stringify({ traceId, id, parentId, name: span.name.split(' ')[0], kind }))
    }
    done({ code: 0 })
  },
  async shutdown() {},
}
const provider = new NodeTracerProvider({
  sampler: new ParentBasedSampler({ root }),
  spanProcessors: [new SimpleSpanProcessor(exporter)],
})
provider.register()
registerInstrumentations({ instrumentations: [new KafkaJsInstrumentation()] })
const tracer = trace.getTracer('peer')

const { Kafka, logLevel } = createRequire(import.meta.url)('kafkajs')
const kafka = new Kafka({
  brokers: process.argv[2].split(','),
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 100, retries: 10 },
})
const producer = kafka.producer()
await producer.connect()
console.log('ready')
process.stdin.once('end', () => process.exit(0))

for await (const line of createInterface(process.stdin)) {
  const [command, ...words] = line.split(' ')
  await (command === 'send' ? send(...words) : forward(...words))
  // Spans of handlers end a little after what they did.
  await provider.forceFlush()
  console.log('done')
}

async function send(topic, value, isSampled) {
  sampled = isSampled === 'true'
  await within('start', () => producer.send({ topic, messages: [{ value }] }))
}

async function forward(from, to, count) {
  const consumer = kafka.consumer({ groupId: `opentelemetry-${from}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: from, fromBeginning: true })
  let seen = 0
  await new Promise((resolve, reject) => {
    const eachMessage = ({ message: { key, value } }) =>
      within('forward', async () => {
        await producer.send({ topic: to, messages: [{ key, value }] })
        if (++seen === Number(count)) resolve()
      })
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
}

async function within(name, work) {
  const span = tracer.startSpan(name)
  try {
    return await context.with(trace.setSpan(context.active(), span), work)
  } finally {
    span.end()
  }
}
