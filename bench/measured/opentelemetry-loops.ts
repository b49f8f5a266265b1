import { ExportResultCode, type ExportResult } from '@opentelemetry/core'
import type { Span } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  NodeTracerProvider,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node'
import { answerLoops, type Loop } from './loops.ts'

/** Takes every span, counts it, and neither encodes nor sends it. */
let taken = 0
const exporter = {
  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    taken += spans.length
    done({ code: ExportResultCode.SUCCESS })
  },
  async shutdown(): Promise<void> {},
}

const provider = new NodeTracerProvider({
  sampler: process.env.BENCH_SAMPLED === '0' ? new AlwaysOffSampler() : new AlwaysOnSampler(),
  spanProcessors: [new BatchSpanProcessor(exporter)],
})
provider.register()
const tracer = provider.getTracer('bench')

function localSpan(times: number): void {
  for (let i = 0; i < times; i++) {
    tracer.startActiveSpan('resize', (span) => {
      span.setAttribute('image.format', 'jpeg')
      span.setAttribute('image.size', '640x480')
      span.setAttribute('image.quality', 80)
      span.setAttribute('image.index', i)
      span.end()
    })
  }
}

/** Throws unless so many spans and no more were exported. */
function exports(spansOf: (times: number) => number): NonNullable<Loop['settle']> {
  return async (times) => {
    await provider.forceFlush()
    if (taken !== spansOf(times)) throw new Error(`${taken} of ${spansOf(times)} spans were exported`)
    taken = 0
  }
}

/** Runs `fn` in a span that stands for the request. */
function inRequest(fn: () => void): void {
  tracer.startActiveSpan('request', (span) => {
    fn()
    span.end()
  })
}

const unrecorded = (span: Span): void => span.end()

answerLoops({
  child: { run: (times) => inRequest(() => localSpan(times)), settle: exports((times) => times + 1) },
  root: { run: localSpan, settle: exports((times) => times) },
  trace: {
    run(times) {
      inRequest(() => {
        for (let i = 0; i < times; i++) tracer.startActiveSpan('resize', unrecorded)
      })
    },
    settle: exports(() => 0),
  },
})
