import { guarded } from '../host/guarded.ts'
import { metricsOf, type Metric, type MetricSource, type Sample } from './metric-list.ts'

/**
 * All metrics in the text format 0.0.4 that Prometheus scrapes, each with the label `service`:
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function prometheusText(source: MetricSource): string {
  let text = ''
  for (const { name, help, type, samples } of metricsOf(source)) {
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    for (const { suffix, labels, value } of samples) {
      const pairs = Object.entries({ service: source.serviceName, ...labels })
      const inBraces = pairs.map(([label, of]) => `${label}="${escape(of)}"`).join(',')
      text += `${name}${suffix}{${inBraces}} ${value === Infinity ? '+Inf' : value}\n`
    }
  }
  return text
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

/** A registry of prom-client, as far as it is needed here. */
export interface PromRegistry {
  registerMetric(metric: never): void
}

/** A metric as prom-client's registry reads it. */
interface PromMetric {
  /** Changed by the registry when it writes OpenMetrics, and read from here again. */
  name: string
  readonly help: string
  readonly type: Metric['type']
  readonly aggregator: Metric['aggregator']
  get(): Promise<object>
  reset(): void
}

/**
 * Adds all metrics to a registry of prom-client, which reads them at each scrape:
 * `registerMetrics(tracing, promClient.register)`. Throws prom-client's Error when they are in it already.
 */
export function registerMetrics(source: MetricSource, registry: PromRegistry): void {
  for (const { name, help, type, aggregator } of metricsOf(source)) {
    const metric: PromMetric = {
      name,
      help,
      type,
      aggregator,
      get() {
        const samples = samplesOf(source, name)
        const values = samples.map(({ suffix, labels, value }) => ({
          labels: { service: source.serviceName, ...labels },
          value,
          ...(suffix && { metricName: name + suffix }),
        }))
        return Promise.resolve({ name: this.name, help, type, aggregator, values })
      },
      reset() {},
    }
    registry.registerMetric(metric as never)
  }
}

/** The samples of one metric; none when they cannot be had, for the rest of the scrape is the service's own. */
function samplesOf(source: MetricSource, name: string): readonly Sample[] {
  const read = (): readonly Sample[] =>
    metricsOf(source).find((metric) => metric.name === name)?.samples ?? []
  return guarded('metrics', read, [], source)
}
