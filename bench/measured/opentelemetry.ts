import { B3InjectEncoding, B3Propagator } from '@opentelemetry/propagator-b3'
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
} from '@opentelemetry/sdk-trace-node'
import { flushWith } from './flush.ts'

/*
 * OpenTelemetry as its documentation sets it up, to be imported before the app: every setting is the default,
 * save that the queue is long enough for the bench's load. At the default it would drop spans, and be the cheaper
 * for it.
 */

const exporter = new ZipkinExporter({ url: process.env.BENCH_ZIPKIN_URL!, serviceName: 'bench' })
const root = process.env.BENCH_SAMPLED === '0' ? new AlwaysOffSampler() : new AlwaysOnSampler()
const provider = new NodeTracerProvider({
  sampler: new ParentBasedSampler({ root }),
  spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: 1 << 17 })],
})
provider.register({ propagator: new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }) })
registerInstrumentations({
  instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation(), new UndiciInstrumentation()],
})

flushWith(() => provider.forceFlush())
