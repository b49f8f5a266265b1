import type { Kafka } from 'kafkajs'
import { countingSender } from './counting-sender.ts'

/** How a Kafka client is traced, and where its spans go. */
export interface KafkaTracing {
  trace(kafka: Kafka): Kafka
  /** Waits until all spans are out; throws unless they are so many. */
  expect(spans: number): Promise<void>
}

const UNTRACED: KafkaTracing = { trace: (kafka) => kafka, expect: async () => {} }

/** To be called before kafkajs is loaded. tdist encodes its spans, OpenTelemetry does not. */
export async function kafkaTracing(variant: string): Promise<KafkaTracing> {
  if (variant === 'untraced' || variant === 'als') return UNTRACED
  if (variant === 'opentelemetry') return openTelemetry()
  const { createTracing, always, never } = await import('tdist')
  const { traceKafka } = await import('tdist/kafkajs')
  const sender = countingSender()
  const sampler = variant === 'unsampled' ? never : always
  const tracing = createTracing({ serviceName: 'bench', sender, sampler })
  const carrier = variant === 'payload' ? 'payload' : 'headers'
  return {
    trace: (kafka) => traceKafka(tracing, kafka, { carrier }),
    expect: (spans) => sender.expect(tracing, spans),
  }
}

async function openTelemetry(): Promise<KafkaTracing> {
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
  const { B3Propagator } = await import('@opentelemetry/propagator-b3')
  const { registerInstrumentations } = await import('@opentelemetry/instrumentation')
  const { KafkaJsInstrumentation } = await import('@opentelemetry/instrumentation-kafkajs')
  let taken = 0
  const exporter = {
    export(spans: unknown[], done: (result: { code: number }) => void): void {
      taken += spans.length
      done({ code: 0 })
    },
    async shutdown(): Promise<void> {},
  }
  const provider = new NodeTracerProvider({
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: 1 << 17 })],
  })
  provider.register({ propagator: new B3Propagator() })
  registerInstrumentations({ instrumentations: [new KafkaJsInstrumentation()] })
  return {
    trace: (kafka) => kafka,
    async expect(spans) {
      await provider.forceFlush()
      if (taken !== spans) throw new Error(`${taken} of ${spans} spans were exported`)
      taken = 0
    },
  }
}
