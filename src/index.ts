export { createTracing, currentTracing } from './create-tracing.ts'
export type { Tracing, TracingOptions } from './tracing.ts'
export type { Tracer, SpanOptions } from './tracer.ts'
export type { Span, SpanHandler } from './span.ts'
export type { DataManager } from './context/data-manager.ts'
export type { LogFields } from './context/log-fields.ts'
export type { TraceContext } from './context/trace-context.ts'
export type { ZipkinSpan, Endpoint, Annotation, Kind } from './codec/zipkin-span.ts'
export { always, never, sampleRate, samplePerSecond, type Sampler } from './sampler.ts'
export { traced } from './traced.ts'
export { traceFetch } from './transports/fetch.ts'
export { nodeHttpClient, traceHttpClient, type HttpModule } from './transports/node-http-client.ts'
export { nodeHttpServer, traceHttpServer } from './transports/node-http-server.ts'
export type { Instrumentation } from './transports/instrumentation.ts'
export type { Uninstall } from './transports/patch.ts'
export type { Format } from './propagation/composite.ts'
export type { HttpOptions, HttpRules, HttpRequest, HttpResponse } from './transports/http.ts'
export type { KafkaOptions } from './transports/kafka-options.ts'
export type { ThriftOptions } from './transports/thrift-options.ts'
export type {
  BreakerState,
  DropReason,
  HistogramStats,
  Publisher,
  PublisherOptions,
  PublisherStats,
} from './publisher/publisher.ts'
export type { CallMessage, DropMessage } from './publisher/channels.ts'
export { registerMetrics, type PromRegistry } from './publisher/prometheus.ts'
export type { MetricSource } from './publisher/metric-list.ts'
export type { Sender, SpanRecord, Outcome } from './publisher/sender.ts'
export { SendError } from './publisher/sender.ts'
export { httpSender } from './publisher/http-sender.ts'
export { consoleSender } from './publisher/console-sender.ts'
export { fileSender, type FileSenderOptions } from './publisher/file-sender.ts'
