import { Child } from './child.ts'
import type { NodeBinary } from './node-binary.ts'
import { compiled, ROOT } from './paths.ts'
import { pathToFileURL } from 'node:url'

/** How the measured service is traced, if at all. */
export type Variant =
  | 'untraced'
  | 'als'
  | 'tdist'
  | 'tdist unsampled'
  | 'opentelemetry'
  | 'opentelemetry unsampled'

/** The peer, as the rows name it. */
export const PEER = 'OpenTelemetry 2.12'

/** What a variant imports before the app. */
export function importsOf(variant: string): string[] {
  if (variant.startsWith('tdist')) return ['tdist/register']
  if (variant.startsWith('opentelemetry')) {
    return [pathToFileURL(compiled('measured/opentelemetry.js')).href]
  }
  if (variant === 'empty') return [pathToFileURL(`${ROOT}bench/measured/empty.cjs`).href]
  if (variant === 'http') return [pathToFileURL(compiled('measured/http.js')).href]
  return []
}

/** Starts the service in a process of its own; `sink` is the port that spans go to and that it calls. */
export function startService(variant: Variant, node: NodeBinary, sink: number): Child {
  const backend = `http://127.0.0.1:${sink}`
  const unsampled = variant.endsWith('unsampled')
  const zipkin = `${backend}/api/v2/spans`
  return new Child('measured/service.js', {
    node,
    imports: importsOf(variant),
    env: {
      BENCH_VARIANT: variant,
      BENCH_BACKEND: backend,
      BENCH_ZIPKIN_URL: zipkin,
      BENCH_SAMPLED: unsampled ? '0' : '1',
      TDIST_SERVICE_NAME: 'bench',
      TDIST_SENDER: 'http',
      TDIST_ZIPKIN_URL: zipkin,
      ...(unsampled ? { TDIST_SAMPLE_RATE: '0' } : {}),
    },
  })
}
