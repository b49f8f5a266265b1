export { createTracing } from './tracing/create-tracing.ts'
export { currentTracing } from './tracing/current-tracing.ts'
export type { Tracing } from './tracing/tracing.ts'
export type { TracingOptions } from './options/tracing-options.ts'
export type { Tracer, SpanOptions } from './tracing/tracer.ts'
export type { Span, SpanHandler } from './span/span.ts'
export type { DataManager } from './context/data-manager.ts'
export type { LogFields } from './context/log-fields.ts'
export type { TraceContext } from './span/trace-context.ts'
export type { ZipkinSpan, Endpoint, Annotation, Kind } from './codec/zipkin-span.ts'
export { always, never, sampleRate, samplePerSecond, type Sampler } from './sampling/sampler.ts'
export { traced } from './tracing/traced.ts'
export { traceFetch } from './transports/undici/fetch.ts'
export { nodeHttpClient, traceHttpClient, type HttpModule } from './transports/node-http/client.ts'
export { nodeHttpServer, traceHttpServer } from './transports/node-http/server.ts'
export type { Instrumentation } from './transports/hooks/instrumentation.ts'
export type { Uninstall } from './host/patch.ts'
export type { Format } from './propagation/composite.ts'
export type { HttpOptions, HttpRules, HttpRequest, HttpResponse } from './options/http-rules.ts'
export type { KafkaOptions } from './options/kafka-options.ts'
export type { ThriftOptions } from './options/thrift-options.ts'
export type {
  BreakerState,
  DropReason,
  HistogramStats,
  Publisher,
  PublisherOptions,
  PublisherStats,
} from './publisher/publisher.ts'
export type { CallMessage, DropMessage } from './publisher/channels.ts'
export { registerMetrics, type PromRegistry } from './metrics/prometheus.ts'
export type { MetricSource } from './metrics/metric-list.ts'
export type { Sender, SpanRecord, Outcome } from './publisher/senders/sender.ts'
export { SendError } from './publisher/senders/sender.ts'
export { httpSender } from './publisher/senders/http-sender.ts'
export { consoleSender } from './publisher/senders/console-sender.ts'
export { fileSender, type FileSenderOptions } from './publisher/senders/file-sender.ts'
